//! The table of `docs/bad-input.md` about the library. Options and views are checked in one place for the kernels and the
//! reference, which stands for both here: no GPU.

#[path = "common/told.rs"]
mod told;

use wgpu_xent::reference::{
    binary_cross_entropy_with_logits, cross_entropy, entropy, kl_div, logsumexp_over, nll_loss, sample, soft_cross_entropy, softmax_with,
    top_k_log_probs,
};
use wgpu_xent::{
    Avoid, BinaryCrossEntropy, Caps, ClassMask, CrossEntropy, Denominator, ElementLoss, Error, Factor, FaultPolicy, LogitTransform, Logits,
    Plan, Reduction, Sampling, Storage, Strategy, Targets, Tuning, Weights, Work,
};

const NAN: f32 = f32::NAN;
const X: [f32; 12] = [0.5; 12];

struct Table(Vec<(&'static str, String)>);

impl Table {
    fn told<T>(&mut self, tried: &'static str, result: Result<T, Error>) {
        let message = result.err().unwrap_or_else(|| panic!("{tried}: accepted")).to_string();
        assert!(!message.contains(char::is_control), "{tried}: {message:?}");
        self.0.push((tried, message));
    }
}

fn logits() -> Logits<'static> {
    Logits::new(&X, 3, 4).unwrap()
}

#[test]
fn bad_input_views() {
    let mut t = Table(vec![]);
    t.told("fewer elements than rows x classes", Logits::new(&X, 4, 4));
    t.told("more elements than rows x classes", Logits::new(&X, 2, 4));
    t.told("rows x classes above 2^64", Logits::new(&X, usize::MAX, 2));
    t.told("rows of no classes", Logits::new(&X[..0], 3, 0));
    t.told("a stride below the classes", Logits::with_stride(&X, 3, 4, 3));
    t.told("a stride that goes beyond the slice", Logits::with_stride(&X, 3, 4, 5));
    t.told("rows x stride above 2^64", Logits::with_stride(&X, usize::MAX, 2, usize::MAX));
    t.told("a dimension that is not there", Logits::with_shape(&X, &[3, 4], 2));
    t.told("no dimension at all", Logits::with_shape(&X[..1], &[], 0));
    t.told("a shape of other length", Logits::with_shape(&X, &[3, 2, 3], 1));
    t.told("a shape beyond 2^64 beside a 0", Logits::with_shape(&X[..0], &[0, usize::MAX, 2], 1));
    t.told("blocks beyond the slice", Logits::with_blocks(&X, 2, 2, 3, 7));
    t.told("a mask of other length", ClassMask::shared(&[1, 1], 4));
    t.told("masks of other rows", ClassMask::per_row(&[1, 1], 3, 4));
    t.told("sums over a dimension twice", logsumexp_over(&X, &[3, 4], &[0, -2]));
    t.told("sums over no dimension", logsumexp_over(&X, &[3, 4], &[]));
    t.told("sums of nothing, 2^40 of them", logsumexp_over(&[], &[0, 1 << 40], &[0]));
    told::check_section("views", &t.0);
}

#[test]
fn bad_input_options() {
    let mut t = Table(vec![]);
    let (x, plain) = (logits(), CrossEntropy::new());
    let loss = |options: CrossEntropy<'_>| cross_entropy(&logits(), &Targets::new(&[0, 1, 2]), &options);
    t.told("too few targets", cross_entropy(&x, &Targets::new(&[0, 1]), &plain));
    t.told("a target that is no class", cross_entropy(&x, &Targets::new(&[0, 4, 1]), &plain));
    t.told("a target that 32 bits would make a class", cross_entropy(&x, &Targets::new(&[0, 1_i64 << 32, 1]), &plain));
    t.told("a target below 0, nothing ignored", cross_entropy(&x, &Targets::new(&[-100, 0, 0]), &plain.ignore_index(None)));
    t.told("class weights of other length", loss(plain.class_weights(&[1.0; 3][..])));
    t.told("a class weight that is NaN", loss(plain.class_weights(&[1.0, NAN, 1.0, 1.0][..])));
    t.told("row weights of other length", loss(plain.row_weights(&[1.0; 2][..])));
    t.told("a row weight that is infinite", loss(plain.row_weights(&[1.0, 1.0, f32::INFINITY][..])));
    t.told("smoothing above 1", loss(plain.label_smoothing(1.5)));
    t.told("smoothing that is NaN", loss(plain.label_smoothing(NAN)));
    t.told("z-loss that is NaN", loss(plain.z_loss(NAN)));
    t.told("a denominator that is NaN", loss(plain.denominator(Denominator::Value(NAN))));
    t.told("a scale that is NaN", loss(plain.scale(NAN)));
    t.told("a temperature of 0", loss(plain.temperature(0.0)));
    t.told("a temperature whose reciprocal is infinite", loss(plain.temperature(1e-39)));
    t.told("temperatures of other length", loss(plain.temperature(&[1.0; 2][..])));
    t.told("a softcap below 0", loss(plain.softcap(-1.0)));
    t.told("a mask of other classes", loss(plain.class_mask(ClassMask::shared(&[7], 3).unwrap())));
    t.told("the best 0", loss(plain.top_k(0)));
    t.told("a factor a row for one mean", loss(plain.upstream(Factor::Rows(&[1.0; 3]))));
    t.told("factors of other length", loss(plain.reduction(Reduction::None).upstream(Factor::Rows(&[1.0; 2]))));
    t.told("a piece as if it were all", loss(plain.piece(0, 8)));
    t.told("NaN among the logits, to fail then", {
        cross_entropy(&Logits::new(&[NAN, 0.0], 1, 2).unwrap(), &Targets::new(&[0]), &plain.faults(FaultPolicy::Fail))
    });
    t.told("probabilities of another shape", soft_cross_entropy(&x, &Logits::new(&X, 4, 3).unwrap(), &plain));
    t.told("probabilities and the rank of a target", soft_cross_entropy(&x, &x, &plain.rank(true)));
    t.told("probabilities and an index to ignore", soft_cross_entropy(&x, &x, &plain.ignore_index(0)));
    t.told("log-likelihood and smoothing", nll_loss(&x, &Targets::new(&[0, 1, 2]), &plain.label_smoothing(0.1)));
    t.told("more of the best than classes", top_k_log_probs(&x, 5, &LogitTransform::new()));
    t.told("a draw from the best 0", sample(&x, &Sampling::new(1).top_k(0)));
    t.told("a draw from a share above 1", sample(&x, &Sampling::new(1).top_p(1.5)));
    t.told("scales of other length", softmax_with(&x, &LogitTransform::new().scale(&[1.0; 2][..])));
    let binary = BinaryCrossEntropy::new();
    t.told("element weights of other shape", {
        binary_cross_entropy_with_logits(&x, &x, &binary.weight(Weights::Elements(Logits::new(&X, 4, 3).unwrap())))
    });
    t.told("a weight of positives that is infinite", {
        binary_cross_entropy_with_logits(&x, &x, &binary.pos_weight(&[1.0, 1.0, 1.0, f32::INFINITY][..]))
    });
    t.told("a batch of 0", kl_div(&x, &x, false, &ElementLoss::new().batch(0)));
    t.told("the gradient of targets that are none", entropy(&x, &ElementLoss::new().target_gradient(true)));
    told::check_section("options", &t.0);
}

#[test]
fn bad_input_plans() {
    let mut t = Table(vec![]);
    let mut info = wgpu::AdapterInfo::new(wgpu::DeviceType::Cpu, wgpu::Backend::Vulkan);
    (info.subgroup_min_size, info.subgroup_max_size) = (8, 8);
    let caps = Caps::of(&info, wgpu::Features::empty(), &wgpu::Limits::defaults());
    let dense = |rows, classes| Work::dense(rows, classes, Storage::F32, true);
    let mut none = caps.clone();
    none.max_groups = 0;
    t.told("an adapter that dispatches nothing", Plan::new(&dense(1, 1), &none, None));
    let mut none = caps.clone();
    none.subgroup = Some((0, 0));
    t.told("subgroups of no threads", Plan::new(&dense(1, 1), &none, None));
    t.told("a row that no binding holds", Plan::new(&dense(1, 1 << 26), &caps, None));
    t.told("2^62 classes", Plan::new(&dense(1, 1 << 62), &caps, None));
    t.told("2^32 rows", Plan::new(&dense(1 << 32, 1), &caps, None));
    let mut work = dense(1, 1 << 40);
    work.block_bytes = 4;
    t.told("2^40 classes in four bytes", Plan::new(&work, &caps, None));
    let mut work = dense(7, 10);
    work.inner = 2;
    t.told("7 rows in blocks of 2", Plan::new(&work, &caps, None));
    work.inner = 0;
    t.told("7 rows in blocks of 0", Plan::new(&work, &caps, None));
    let mut work = dense(7, 10);
    work.quads_a_pass = 0;
    t.told("a loop that takes nothing in", Plan::new(&work, &caps, None));
    t.told("subgroups where there are none", Plan::new(&dense(5, 33), &caps, Some(Strategy::Subgroup)));
    let capped = caps.avoiding(&[Avoid::LoopTrips(65_000)]);
    t.told("a thread for a row of 2,000,000", Plan::new(&dense(1, 2_000_000), &capped, Some(Strategy::Thread)));
    t.told("a tuning of other words", "adapter\nreads f32 1024 32 thread buffer soon".parse::<Tuning>());
    t.told("a tuning whose rows are no power of two", "adapter\nreads f32 1000 32 thread buffer 1.0 1.0".parse::<Tuning>());
    t.told("a tuning of a time below 0", "adapter\nreads f32 1024 32 thread buffer -1.0 1.0".parse::<Tuning>());
    let mut tuning: Tuning = "one adapter\n".parse().unwrap();
    t.told("tunings of two adapters", tuning.extend(&"another\u{1b}\n".parse().unwrap()));
    told::check_section("plans and tunings", &t.0);
}
