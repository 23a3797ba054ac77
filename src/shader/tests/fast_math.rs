//! What Metal's fast math may undo: it takes it that there is no NaN and no infinity, and merges and reorders sums. So special values
//! are told by their bits, as integers, not by what is beyond the largest number either, and what must not be merged goes through `opaque()`.

use naga::{BinaryOperator, Expression, Function, Handle, Module, RelationalFunction, ScalarKind};

use super::back_ends::{metal, resolved};
use super::*;

/// What makes special values in `numerics.wgsl`.
const MAKERS: [&str; 3] = ["special", "negative_infinity", "not_a_number"];

/// The number that a vector repeats, or the number itself.
fn bare_number(function: &Function, mut at: Handle<Expression>) -> Handle<Expression> {
    while let Expression::Splat { value, .. } = function.expressions[at] {
        at = value;
    }
    at
}

/// What is wrong with an expression, if fast math may decide it as it likes.
fn fault(module: &Module, info: &naga::valid::FunctionInfo, function: &Function, expression: &Expression) -> Option<String> {
    use BinaryOperator as Op;
    match *expression {
        Expression::Relational { fun: fun @ (RelationalFunction::IsNan | RelationalFunction::IsInf), .. } => Some(format!("{fun:?}")),
        Expression::Binary {
            op: op @ (Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual),
            left,
            right,
        } if info[left].ty.inner_with(&module.types).scalar_kind() == Some(ScalarKind::Float) => {
            let [left, right] = [left, right].map(|side| bare_number(function, side));
            let maker = |side| match function.expressions[side] {
                Expression::CallResult(called) => module.functions[called].name.as_deref().filter(|name| MAKERS.contains(name)),
                _ => None,
            };
            let with_itself = (left == right).then(|| format!("{op:?} of a number with itself"));
            let value = |side| match &function.expressions[side] {
                Expression::Constant(constant) => &module.global_expressions[module.constants[*constant].init],
                own => own,
            };
            let extreme = |side| matches!(value(side), Expression::Literal(naga::Literal::F32(x)) if x.abs() == f32::MAX);
            let with_extreme = (extreme(left) || extreme(right)).then(|| format!("{op:?} with the largest number"));
            with_itself.or(with_extreme).or_else(|| maker(left).or(maker(right)).map(|maker| format!("{op:?} with {maker}()")))
        }
        _ => None,
    }
}

fn faults(module: &Module, info: &ModuleInfo) -> Vec<String> {
    let functions = module.functions.iter().map(|(handle, function)| (function, &info[handle]));
    let mains = module.entry_points.iter().enumerate().map(|(i, entry)| (&entry.function, info.get_entry_point(i)));
    let in_function = |(function, info): (&Function, &naga::valid::FunctionInfo)| {
        let name = function.name.clone().unwrap_or_default();
        let found = function.expressions.iter().filter_map(|(_, expression)| fault(module, info, function, expression));
        found.map(|fault| format!("{name}: {fault}")).collect::<Vec<_>>()
    };
    functions.chain(mains).flat_map(in_function).collect()
}

#[test]
fn special_values_are_told_by_their_bits() {
    for m in distinct_texts() {
        let module = parse(&m.source);
        let found = faults(&module, &validate(&module, m.unit));
        assert!(found.is_empty(), "{}: {found:?}", m.name);
    }
}

/// The test above would see it.
#[test]
fn what_fast_math_decides_is_found() {
    for (code, expected) in [
        ("x != x", "main: NotEqual of a number with itself"),
        ("any(vec4(x) == vec4(x))", "main: Equal of a number with itself"),
        ("x >= -0x1.fffffep+127f", "main: GreaterEqual with the largest number"),
        ("x < HIGHEST", "main: Less with the largest number"),
        ("x == special(1u)", "main: Equal with special()"),
        ("all(vec4(special(1u)) < vec4(x))", "main: Less with special()"),
    ] {
        let text = format!(
            "const HIGHEST: f32 = 0x1.fffffep+127f;
             fn special(bits: u32) -> f32 {{ return bitcast<f32>(bits); }}
             @group(0) @binding(0) var<storage, read_write> at: array<f32>;
             @compute @workgroup_size(1) fn main() {{ let x = at[0]; if {code} {{ at[1] = 1.0; }} }}"
        );
        let module = naga::front::wgsl::parse_str(&text).unwrap();
        assert_eq!(faults(&module, &validate(&module, Unit::Thread)), [expected], "{code}");
    }
}

/// What naga makes of a module for Metal asks for no class of numbers.
pub(super) fn check(m: &modules::Module, metal: &str) {
    for asked in ["isnan", "isinf", "isfinite", "isnormal", "fpclassify"] {
        assert!(!metal.contains(asked), "MSL, {}: {asked}", m.name);
    }
}

/// And it keeps the detour of a number through its bits and a word that no compiler knows.
#[test]
fn what_is_opaque_stays_opaque() {
    let m = &MODULES[0];
    let (module, info) = resolved(m);
    let text = metal(m, &module, &info);
    let body = text.split_once("float opaque(").and_then(|(_, rest)| rest.split_once("\n}")).expect("opaque()").0;
    assert!(body.contains("all_ones(params)") && body.contains("return as_type<float>(as_type<uint>(x) & "), "{body}");
}
