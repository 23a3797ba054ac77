//! candle on the CPU: its `loss::cross_entropy`, its backward pass, its `softmax_last_dim`.

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{loss::cross_entropy, ops::softmax_last_dim};

use crate::data::Data;
use crate::peer::{Op, Ran, Variant, timed};

/// Its name in results.
pub(crate) const NAME: &str = "candle 0.11";

/// Everything that is measured.
pub(crate) fn variants(data: &Data) -> Result<Vec<Variant<'static>>> {
    let logits = Tensor::from_slice(&data.values, (data.rows, data.classes), &Device::Cpu)?;
    let targets = Tensor::from_slice(&data.targets, data.rows, &Device::Cpu)?;
    let variant = |op: Op, run: Box<dyn FnMut(bool) -> Result<Ran>>| {
        let mut run = run;
        Variant::new(NAME, op, "CPU, fresh outputs", move |fetch| run(fetch).expect("candle computes"))
    };
    let (x, t) = (logits.clone(), targets.clone());
    let loss = move |_| {
        let (ms, loss) = timed(|| scalar(&cross_entropy(&x, &t)?));
        Ok(Ran { ms, loss: Some(loss?), elements: None })
    };
    let (x, t) = (Var::from_tensor(&logits)?, targets);
    let loss_and_gradient = move |fetch: bool| {
        let (ms, both) = timed(|| {
            let loss = cross_entropy(&x, &t)?;
            let gradients = loss.backward()?;
            let gradient = gradients.get(&x).cloned();
            Ok::<_, candle_core::Error>((scalar(&loss)?, gradient.expect("a gradient of the logits")))
        });
        let (loss, gradient) = both?;
        Ok(Ran { ms, loss: Some(loss), elements: fetch.then(|| values(&gradient)).transpose()? })
    };
    let softmax = move |fetch: bool| {
        let (ms, p) = timed(|| softmax_last_dim(&logits));
        let p = p?;
        Ok(Ran { ms, loss: None, elements: fetch.then(|| values(&p)).transpose()? })
    };
    Ok(vec![
        variant(Op::Loss, Box::new(loss)),
        variant(Op::LossAndGradient, Box::new(loss_and_gradient)),
        variant(Op::Softmax, Box::new(softmax)),
    ])
}

fn scalar(tensor: &Tensor) -> Result<f64> {
    tensor.to_scalar::<f32>().map(f64::from)
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}
