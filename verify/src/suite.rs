//! Which operations are tried on what, and with which strategies.

use wgpu_xent::{Caps, Storage, Strategy};

use crate::case::{Input, Operation, Takes, Tried};
use crate::data::Data;
use crate::edges::edges;
use crate::matrix::Shape;
use crate::ops::OPERATIONS;
use crate::run::Options;

/// An operation on an input, with the planned strategy (`None`) and others.
pub(crate) struct Step {
    pub(crate) operation: &'static Operation,
    pub(crate) input: Input,
    pub(crate) strategies: Vec<Option<Strategy>>,
    /// Whether logits are read through a texture, if the plan does not choose.
    pub(crate) texture: Option<bool>,
    /// Whether words of 64 bits are done without.
    pub(crate) narrow: bool,
}

impl Step {
    fn new(operation: &'static Operation, input: Input, strategies: Vec<Option<Strategy>>) -> Self {
        Self { operation, input, strategies, texture: None, narrow: false }
    }
}

/// The data that hurts; the first is the plain one.
const DATA: [Data; 15] = [
    Data::Normal,
    Data::Special,
    Data::Outliers,
    Data::Equal,
    Data::Ascending,
    Data::Descending,
    Data::Offset(1e4),
    Data::Offset(1e6),
    Data::Ahead(0.1),
    Data::Ahead(12.0),
    Data::Ahead(20.0),
    Data::Ahead(60.0),
    Data::Masked,
    Data::MaskedLowest,
    Data::Huge,
];

/// Of these the quick form tries all, and the full form more besides.
const QUICK_ROWS: usize = 19;

/// Rows of each kind of shape of the full form: all special rows, and one more.
const ROWS: usize = crate::data::SPECIAL_ROWS + 1;

/// Padded rows, classes in the middle, both; rows that share words where two elements make one.
const LAYOUTS: [Shape; 4] = [
    Shape { blocks: ROWS, classes: 134, inner: 1, padding: 2 },
    Shape { blocks: 4, classes: 70, inner: 7, padding: 0 },
    Shape { blocks: 5, classes: 37, inner: 5, padding: 2 },
    Shape { blocks: ROWS, classes: 3, inner: 1, padding: 0 },
];

/// Rows that go through a tile: more than one full, of an odd number of classes.
const TILED: Shape = Shape { blocks: 70, classes: 21, inner: 1, padding: 0 };

const STORAGES: [Storage; 3] = [Storage::F32, Storage::F16, Storage::Bf16];

/// Classes of rows that a thread reads at once: of one quad to four, of one to four classes in the last.
const SHORT: [usize; 5] = [2, 7, 10, 13, 16];

/// All steps, those of an operation together.
pub(crate) fn suite(caps: &Caps, options: &Options) -> Vec<Step> {
    let wanted = |operation: &&Operation| options.only.as_ref().is_none_or(|part| operation.name.contains(part.as_str()));
    let of = |(turn, operation)| if options.quick { quick(turn, operation, caps) } else { full(turn, operation, caps) };
    OPERATIONS.iter().enumerate().filter(|(_, operation)| wanted(operation)).flat_map(of).collect()
}

fn input(shape: Shape, storage: Storage, data: Data) -> Input {
    Input { shape, storage, data }
}

fn all_strategies() -> Vec<Option<Strategy>> {
    std::iter::once(None).chain(Strategy::ALL.map(Some)).collect()
}

/// Those that read short rows at once.
fn threads() -> Vec<Option<Strategy>> {
    vec![Some(Strategy::Thread), Some(Strategy::Tile)]
}

/// Rows read at once, all of whose classes are the largest.
fn tied(operation: &'static Operation) -> Step {
    Step::new(operation, input(Shape::matrix(QUICK_ROWS, 10), Storage::F32, Data::Equal), threads())
}

/// The data that makes a difference to an operation.
fn data_of(operation: &Operation) -> &'static [Data] {
    match operation.takes {
        Takes::Logits | Takes::Slices => &DATA,
        Takes::Elements => &DATA[..2],
    }
}

/// Where logits may be read through a texture: all of them so, and none. Where quads are words of 64 bits: without.
fn other_reads(operation: &'static Operation, caps: &Caps) -> Vec<Step> {
    let step = |storage, classes| Step::new(operation, input(Shape::matrix(QUICK_ROWS, classes), storage, Data::Outliers), vec![None]);
    let mut steps = Vec::new();
    if caps.may_read_textures() {
        for texture in [true, false] {
            let read = [(Storage::F32, 203), (Storage::F16, 203), (Storage::Bf16, 204)];
            steps.extend(read.map(|(storage, classes)| Step { texture: Some(texture), ..step(storage, classes) }));
        }
    }
    if caps.wide_words {
        let read = [Storage::F32, Storage::F16];
        steps.extend(read.map(|storage| Step { texture: Some(false), narrow: true, ..step(storage, 204) }));
    }
    steps
}

/// Every operation with the planned strategy and another one in turn, which most of the time goes into compiling for; those that
/// are tried throughout with all of them.
fn quick(turn: usize, operation: &'static Operation, caps: &Caps) -> Vec<Step> {
    let step = |input, strategies| Step::new(operation, input, strategies);
    let strategies =
        if operation.tried == Tried::Throughout { all_strategies() } else { vec![None, Some(Strategy::ALL[turn % Strategy::ALL.len()])] };
    // Rows of whole quads and others have kernels of their own.
    let shape = Shape::matrix(QUICK_ROWS, if turn.is_multiple_of(2) { 204 } else { 203 });
    let mut steps: Vec<Step> = data_of(operation).iter().map(|&data| step(input(shape, Storage::F32, data), strategies.clone())).collect();
    if operation.takes != Takes::Slices {
        steps.push(step(input(TILED, Storage::F32, Data::Outliers), vec![Some(Strategy::Tile)]));
    }
    if operation.tried >= Tried::Stored {
        let planned = |shape, storage, data| step(input(shape, storage, data), vec![None]);
        // Elements of a row are accessed one, four and two at once.
        let matrices = [203, 204, 206].map(|classes| Shape::matrix(QUICK_ROWS, classes));
        for storage in [Storage::F16, Storage::Bf16] {
            steps.push(step(input(TILED, storage, Data::Normal), vec![Some(Strategy::Tile)]));
            steps.extend(matrices.map(|shape| planned(shape, storage, Data::Normal)));
        }
        steps.push(planned(matrices[2], Storage::F32, Data::Normal));
        steps.extend(LAYOUTS.map(|shape| planned(shape, Storage::F32, Data::Normal)));
        steps.extend(other_reads(operation, caps));
    }
    if operation.tried == Tried::Throughout {
        let forced = |(rows, classes, strategy)| step(input(Shape::matrix(rows, classes), Storage::F32, Data::Outliers), vec![strategy]);
        steps.extend(SHORT.map(|classes| forced((QUICK_ROWS, classes, Some(Strategy::Thread)))));
        steps.push(tied(operation));
        // A tile of rows with words between them; a row that a thread keeps, the last block not whole; blocks held, and a rest; sums of so many
        // terms that they need their correction.
        let (tile, held) = ((QUICK_ROWS, 10, Some(Strategy::Tile)), (QUICK_ROWS, 1003, Some(Strategy::Held)));
        steps.extend([tile, (QUICK_ROWS, 122, Some(Strategy::Thread)), held].map(forced));
        steps.push(step(input(Shape::matrix(1, 400_000), Storage::F32, Data::Repeated), vec![Some(Strategy::Thread)]));
        if !operation.writes {
            // More workgroups than one dimension of a grid has.
            steps.push(forced((1 << 22, 1, Some(Strategy::Thread))));
        }
        for (rows, classes, data) in [(65_537, 3, Data::Normal), (1, 1_000_000, Data::Ascending), (2, 4097, Data::Normal)] {
            steps.push(step(input(Shape::matrix(rows, classes), Storage::F32, data), vec![None]));
        }
    }
    steps
}

/// Every operation with every strategy on all data, in all storage types and layouts; those at the core at every size at which a plan
/// changes, and in all storage types and layouts with every strategy. Elsewhere one more strategy than the planned one takes its turn
/// there: nearly all the time goes into compiling pipelines.
fn full(turn: usize, operation: &'static Operation, caps: &Caps) -> Vec<Step> {
    let step = |input, strategies| Step::new(operation, input, strategies);
    let mut steps = Vec::new();
    for (i, &data) in data_of(operation).iter().enumerate() {
        // Rows of whole quads and others have kernels of their own: the plain data meets both.
        let classes: &[usize] = if i < 2 { &[1003, 204] } else { &[1003] };
        steps.extend(classes.iter().map(|&classes| step(input(Shape::matrix(ROWS, classes), Storage::F32, data), all_strategies())));
    }
    if operation.takes == Takes::Slices {
        return steps;
    }
    if operation.tried >= Tried::Stored {
        steps.extend(other_reads(operation, caps));
    }
    let throughout = operation.tried == Tried::Throughout;
    // In place, neighbouring rows of 16 bits share words that are read and written: who does it is the strategy's.
    let everywhere = throughout || (operation.tried == Tried::Stored && operation.takes == Takes::Logits);
    let some = |place: usize| {
        if everywhere { all_strategies() } else { vec![None, Some(Strategy::ALL[(turn + place) % Strategy::ALL.len()])] }
    };
    let short = |classes, storage, strategies| step(input(Shape { classes, ..TILED }, storage, Data::Normal), strategies);
    for (i, storage) in STORAGES.into_iter().enumerate() {
        steps.push(step(input(TILED, storage, Data::Outliers), vec![None, Some(Strategy::Tile)]));
        for (j, classes) in SHORT.into_iter().enumerate() {
            if throughout {
                steps.push(short(classes, storage, threads()));
            } else if (turn + i + j).is_multiple_of(STORAGES.len()) {
                steps.push(short(classes, storage, vec![Some(Strategy::Thread)]));
            }
        }
    }
    for (i, storage) in [Storage::F16, Storage::Bf16].into_iter().enumerate() {
        for (j, classes) in [1003, 204].into_iter().enumerate() {
            steps.push(step(input(Shape::matrix(ROWS, classes), storage, Data::Normal), some(2 * i + j)));
        }
    }
    steps.extend(LAYOUTS.into_iter().enumerate().map(|(i, shape)| step(input(shape, Storage::F32, Data::Outliers), some(4 + i))));
    if throughout {
        steps.push(tied(operation));
        steps.extend(edges(caps, operation.writes).into_iter().map(|(shape, strategies)| {
            let data = if shape.rows() > 1000 { Data::Outliers } else { Data::Ascending };
            step(input(shape, Storage::F32, data), strategies)
        }));
    }
    steps
}
