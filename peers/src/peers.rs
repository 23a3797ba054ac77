//! The peers that were asked for and that can run here, opened once.

use std::cell::RefCell;
use std::rc::Rc;

use burn::tensor::Device;
use wgpu_xent::Gpu;

use crate::args::{Args, fail};
use crate::data::Data;
use crate::ours::Ours;
use crate::peer::Variant;
use crate::torch_peer::Torch;
use crate::{burn_peer, candle_peer, ours, plain_peer, rayon_peer, torch_peer, web_peer};

/// Whether a peer of this name computes on the adapter.
pub(crate) fn on_adapter(peer: &str) -> bool {
    [ours::NAME, burn_peer::WGPU, web_peer::NAME, plain_peer::NAME].contains(&peer)
}

/// What stays open from shape to shape.
pub(crate) struct Peers<'a> {
    args: &'a Args,
    gpu: Gpu,
    burn: Vec<(&'static str, Device)>,
    torch: Option<Rc<RefCell<Torch>>>,
}

impl<'a> Peers<'a> {
    /// Opens them, and says which are left out.
    pub(crate) fn open(args: &'a Args, gpu: &Gpu) -> Self {
        let mut burn = Vec::new();
        if args.wants("burn-wgpu") {
            // Another adapter, or none, would make a comparison that means nothing.
            let device = burn_peer::on_adapter(gpu).unwrap_or_else(|e| fail(&format!("{}: {e}", burn_peer::WGPU)));
            println!("burn-wgpu {}", burn_peer::describe(&device));
            burn.push((burn_peer::WGPU, device));
        }
        if args.wants("burn-cpu") {
            burn.push((burn_peer::CPU, burn_peer::on_cpu()));
        }
        let torch = args.wants("torch").then(|| Torch::start(rayon::current_num_threads()));
        if let Some(Err(reason)) = &torch {
            println!("left out  torch: {reason}");
        }
        Self { args, gpu: gpu.clone(), burn, torch: torch.and_then(Result::ok).map(|t| Rc::new(RefCell::new(t))) }
    }

    /// Everything that is measured on a shape.
    pub(crate) fn variants<'b>(&self, ours: &'b Ours<'_>, data: &'b Data) -> Vec<Variant<'b>> {
        let mut variants = Vec::new();
        if self.args.wants("ours") {
            variants.extend(ours.variants());
        }
        for (name, device) in &self.burn {
            variants.extend(burn_peer::variants(name, device, data));
        }
        if self.args.wants("candle") {
            add(&mut variants, candle_peer::NAME, candle_peer::variants(data));
        }
        if self.args.wants("rayon") {
            variants.extend(rayon_peer::variants(data));
        }
        if self.args.wants("web") {
            variants.extend(web_peer::variants(&self.gpu, ours, data));
        }
        if self.args.wants("plain") {
            add(&mut variants, plain_peer::NAME, plain_peer::variants(&self.gpu, ours, data));
        }
        if let Some(torch) = &self.torch {
            add(&mut variants, "torch", torch_peer::variants(torch, data));
        }
        variants
    }

    /// Gives back what a shape's tensors took.
    pub(crate) fn clean_up(&self) {
        for (_, device) in &self.burn {
            device.memory_cleanup();
        }
    }
}

fn add<'b, E: std::fmt::Display>(variants: &mut Vec<Variant<'b>>, peer: &str, more: Result<Vec<Variant<'b>>, E>) {
    match more {
        Ok(more) => variants.extend(more),
        Err(problem) => println!("  left out {peer}: {problem}"),
    }
}
