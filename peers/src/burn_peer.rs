//! burn: its `CrossEntropyLoss`, the backward pass of its autodiff, its softmax; on the same adapter, and on the CPU.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::wgpu::WgpuSetup;
use burn::tensor::{Device, Int, Tensor, TensorData, activation::softmax};
use wgpu_xent::Gpu;

use crate::data::Data;
use crate::peer::{Op, Ran, Variant, timed};

/// The name in results of its GPU backend.
pub(crate) const WGPU: &str = "burn-wgpu 0.22";

/// The name in results of its CPU backend.
pub(crate) const CPU: &str = "burn-flex 0.22";

/// burn's CPU backend, with threads and SIMD.
pub(crate) fn on_cpu() -> Device {
    Device::flex()
}

/// burn's wgpu backend on the adapter of `gpu`, on a device of its own with all features and limits, as burn itself opens it.
///
/// burn chooses adapters by type only, so the adapter is opened here and handed over.
pub(crate) fn on_adapter(gpu: &Gpu) -> Result<Device, String> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let wanted = gpu.info();
    let all = pollster::block_on(instance.enumerate_adapters(wanted.backend.into()));
    let same = |a: &wgpu::Adapter| {
        let info = a.get_info();
        (&info.name, info.device, &info.driver_info) == (&wanted.name, wanted.device, &wanted.driver_info)
    };
    let adapter = all.into_iter().find(same).ok_or_else(|| format!("no adapter is {}", gpu.describe()))?;
    let descriptor = wgpu::DeviceDescriptor {
        required_features: adapter.features() - wgpu::Features::MAPPABLE_PRIMARY_BUFFERS - wgpu::Features::all_experimental_mask(),
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).map_err(|e| e.to_string())?;
    let used = device.adapter_info();
    if (&used.name, used.backend) != (&wanted.name, wanted.backend) {
        return Err(format!("opened {} on {:?} instead of {}", used.name, used.backend, gpu.describe()));
    }
    let setup = WgpuSetup { instance, adapter, device, queue, backend: used.backend };
    Device::wgpu_options().setup(setup).init().map_err(|e| e.to_string())
}

/// What burn says of the adapter that it computes on.
pub(crate) fn describe(device: &Device) -> String {
    device.identity().map_or_else(|| format!("{device:?}"), |identity| format!("{identity:?}"))
}

/// Everything that is measured. A loss is read back; everything else ends with a wait for the device.
pub(crate) fn variants(peer: &'static str, device: &Device, data: &Data) -> Vec<Variant<'static>> {
    let differentiates = device.clone().autodiff();
    let loss = CrossEntropyLossConfig::new().init(device);
    let loss_of_leaf = CrossEntropyLossConfig::new().init(&differentiates);
    let (x, t) = upload(device, data);
    let (leaf, leaf_targets) = upload(&differentiates, data);
    let (leaf, logits) = (leaf.require_grad(), x.clone());
    let (own, waits) = (device.clone(), device.clone());
    let plan = "autodiff, fresh outputs";
    vec![
        Variant::new(peer, Op::Loss, "fresh outputs", move |_| {
            let (ms, loss) = timed(|| loss.forward(x.clone(), t.clone()).into_scalar::<f32>());
            Ran { ms, loss: Some(loss.into()), elements: None }
        }),
        Variant::new(peer, Op::LossAndGradient, plan, move |fetch| {
            let (ms, (loss, gradient)) = timed(|| {
                let loss = loss_of_leaf.forward(leaf.clone(), leaf_targets.clone());
                let gradient = leaf.grad(&loss.backward()).expect("a gradient of the logits");
                let loss = loss.into_scalar::<f32>();
                own.sync().expect("the device computes");
                (loss, gradient)
            });
            Ran { ms, loss: Some(loss.into()), elements: fetch.then(|| values(gradient)) }
        }),
        Variant::new(peer, Op::Softmax, "fresh outputs", move |fetch| {
            let (ms, p) = timed(|| {
                let p = softmax(logits.clone(), 1);
                waits.sync().expect("the device computes");
                p
            });
            Ran { ms, loss: None, elements: fetch.then(|| values(p)) }
        }),
    ]
}

fn upload(device: &Device, data: &Data) -> (Tensor<2>, Tensor<1, Int>) {
    let targets: Vec<i32> = data.targets.iter().map(|t| t.cast_signed()).collect();
    let logits = Tensor::from_data(TensorData::new(data.values.clone(), [data.rows, data.classes]), device);
    (logits, Tensor::from_data(TensorData::new(targets, [data.rows]), device))
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("elements are f32")
}
