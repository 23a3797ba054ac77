//! That every peer's results are those of f64, on a shape of each kind.

use crate::args::Args;
use crate::data::{Data, TOLERANCE};
use crate::ours::Ours;
use crate::peer::Op;
use crate::peers::Peers;

#[test]
fn every_peer_gives_what_f64_gives() {
    let args = Args::parse_from("--quick");
    for gpu in args.gpus() {
        let peers = Peers::open(&args, &gpu);
        for (rows, classes) in [(37, 10), (8, 1000), (1, 5001)] {
            let data = Data::new(rows, classes);
            let ours = Ours::new(&gpu, &data).expect("it is small");
            for mut variant in peers.variants(&ours, &data) {
                let name = format!("{} {} {rows}x{classes} ({})", variant.peer, variant.op.name(), variant.plan);
                let ran = (variant.run)(true);
                assert_eq!(ran.loss.is_some(), variant.op != Op::Softmax, "{name}");
                assert_eq!(ran.elements.is_some(), variant.op != Op::Loss, "{name}");
                let loss = ran.loss.unwrap_or(data.loss);
                assert!(data.loss_error(loss) <= TOLERANCE, "{name}: loss {loss}, not {}", data.loss);
                let error = ran.elements.map_or(0.0, |e| data.elements_error(&e, variant.op == Op::LossAndGradient));
                assert!(error <= TOLERANCE, "{name}: error {error:e}");
            }
        }
    }
}
