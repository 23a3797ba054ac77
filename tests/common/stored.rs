//! The answers that scripts stored in `tests/data`, read: one `Case` each. The opening comments of the scripts list the fields.

use serde_json::Value;
use wgpu_xent::{ClassMask, CrossEntropy, Denominator, ElementReduction, Factor, LogitTransform, Logits, Reduction};

/// All cases of a file's text.
pub(crate) fn cases(text: &str) -> Vec<Case> {
    let all: Value = serde_json::from_str(text).unwrap();
    all["cases"].as_array().unwrap().iter().map(|case| Case { fields: case.clone() }).collect()
}

/// The cases of an operation that `scripts/torch_options.py` stored, at least so many.
pub(crate) fn cases_of(op: &str, least: usize) -> Vec<Case> {
    let cases: Vec<Case> = cases(include_str!("../data/torch_options.json")).into_iter().filter(|case| case.text("op") == op).collect();
    assert!(cases.len() >= least, "{op}: {} cases", cases.len());
    cases
}

/// A stored case. A field that a case of its kind does not have is a slip of the test and panics; one that is null is `None`.
pub(crate) struct Case {
    fields: Value,
}

impl Case {
    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields[name].as_str().unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        let value = self.fields.get(name).unwrap_or_else(|| panic!("{}: no {name}", self.name()));
        (!value.is_null()).then_some(value)
    }

    /// A list, or one number as a list. Null elements, of values that do not exist, are NaN here.
    pub(crate) fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        self.field(name).map(|value| match value {
            Value::Array(values) => values.iter().map(number).collect(),
            one => vec![number(one)],
        })
    }

    /// The same as inputs of kernels.
    pub(crate) fn inputs(&self, name: &str) -> Option<Vec<f32>> {
        self.numbers(name).map(|values| values.into_iter().map(|x| x as f32).collect())
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.field(name).map(|value| value.as_i64().unwrap())
    }

    pub(crate) fn integers<T: TryFrom<i64>>(&self, name: &str) -> Option<Vec<T>>
    where
        T::Error: std::fmt::Debug,
    {
        self.field(name).map(|values| values.as_array().unwrap().iter().map(|v| v.as_i64().unwrap().try_into().unwrap()).collect())
    }

    pub(crate) fn shape(&self) -> Vec<usize> {
        self.integers("shape").unwrap()
    }

    /// Values of the case's shape; the classes are its last dimension unless it says which.
    pub(crate) fn view<'a>(&self, data: &'a [f32]) -> Logits<'a> {
        let dim = self.fields["dim"].as_i64().unwrap_or(-1);
        Logits::with_shape(data, &self.shape(), dim as isize).unwrap()
    }

    pub(crate) fn reduction(&self) -> Reduction {
        match self.text("reduction") {
            "none" => Reduction::None,
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            other => panic!("{other}"),
        }
    }

    pub(crate) fn element_reduction(&self) -> ElementReduction {
        match self.text("reduction") {
            "none" => ElementReduction::None,
            "mean" => ElementReduction::Mean,
            "batchmean" => ElementReduction::BatchMean,
            "sum" => ElementReduction::Sum,
            other => panic!("{other}"),
        }
    }

    fn denominator(&self) -> Denominator {
        match self.field("denominator") {
            None => Denominator::TargetWeights,
            Some(Value::String(name)) => match name.as_str() {
                "target_weights" => Denominator::TargetWeights,
                "rows" => Denominator::Rows,
                "valid_rows" => Denominator::ValidRows,
                "all_weights" => Denominator::AllWeights,
                other => panic!("{other}"),
            },
            Some(value) => Denominator::Value(number(value) as f32),
        }
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NAN,
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    }
}

/// One number for all rows, or a list of one for each.
pub(crate) fn factor(values: Option<&Vec<f32>>) -> Factor<'_> {
    match values.map(Vec::as_slice) {
        None => Factor::Scalar(1.0),
        Some([one]) => Factor::Scalar(*one),
        Some(rows) => Factor::Rows(rows),
    }
}

/// What the logit transform of a case borrows.
pub(crate) struct TransformInputs {
    pub(crate) scale: Option<Vec<f32>>,
    pub(crate) softcap: Option<f32>,
    mask: Option<Vec<u32>>,
}

impl TransformInputs {
    pub(crate) fn new(case: &Case, logits: &Logits<'_>) -> Self {
        let mask = case.inputs("mask").map(|mask| mask_words(&mask, logits, case));
        Self { scale: case.inputs("scale"), softcap: case.inputs("softcap").map(|cap| cap[0]), mask }
    }

    pub(crate) fn transform(&self, logits: &Logits<'_>) -> LogitTransform<'_> {
        let mask = self.mask.as_ref().map(|words| class_mask(words, logits));
        LogitTransform::new().scale(factor(self.scale.as_ref())).softcap(self.softcap).mask(mask)
    }
}

/// The words of a mask given in the shape of one row, or of the logits.
fn mask_words(mask: &[f32], like: &Logits<'_>, case: &Case) -> Vec<u32> {
    let rows_first: Vec<bool> = if mask.len() == like.classes() && like.rows() != 1 {
        mask.iter().map(|&m| m == 1.0).collect()
    } else {
        let mask = case.view(mask);
        (0..mask.rows()).flat_map(|r| mask.row(r).map(|m| m == 1.0)).collect()
    };
    ClassMask::pack(&rows_first, like.classes())
}

fn class_mask<'a>(words: &'a [u32], like: &Logits<'_>) -> ClassMask<'a> {
    if words.len() == like.classes().div_ceil(32) {
        ClassMask::shared(words, like.classes()).unwrap()
    } else {
        ClassMask::per_row(words, like.rows(), like.classes()).unwrap()
    }
}

/// What the options of a cross-entropy borrow.
pub(crate) struct LossInputs {
    pub(crate) class_weights: Option<Vec<f32>>,
    pub(crate) row_weights: Option<Vec<f32>>,
    pub(crate) upstream: Option<Vec<f32>>,
    pub(crate) transform: TransformInputs,
}

impl LossInputs {
    pub(crate) fn new(case: &Case, logits: &Logits<'_>) -> Self {
        Self {
            class_weights: case.inputs("class_weights"),
            row_weights: case.inputs("row_weights"),
            upstream: case.inputs("upstream"),
            transform: TransformInputs::new(case, logits),
        }
    }

    /// The options, with every output that any targets have but the states.
    pub(crate) fn options<'a>(&'a self, case: &Case, logits: &Logits<'_>) -> CrossEntropy<'a> {
        let one = |name: &str| case.inputs(name).map_or(0.0, |value| value[0]);
        CrossEntropy::new()
            .reduction(case.reduction())
            .denominator(case.denominator())
            .ignore_index(case.integer("ignore_index"))
            .class_weights(self.class_weights.as_deref())
            .row_weights(self.row_weights.as_deref())
            .label_smoothing(one("label_smoothing"))
            .z_loss(one("z_loss"))
            .upstream(factor(self.upstream.as_ref()))
            .transform(self.transform.transform(logits))
            .row_loss(true)
            .logsumexp(true)
            .argmax(true)
            .entropy(true)
            .z_loss_part(true)
            .gradient(true)
    }
}
