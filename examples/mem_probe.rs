use wgpu_xent::*;
fn rss() -> u64 {
    let s = std::fs::read_to_string("/proc/self/statm").unwrap();
    s.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
}
fn call(gpu: &Gpu, many: bool) {
    let data: Vec<f32> = (0..64 * 100).map(|i| (i % 17) as f32).collect();
    let logits = Logits::new(&data, 64, 100).unwrap();
    let t: Vec<u32> = (0..64).collect();
    let targets = Targets::new(&t);
    gpu.softmax(&logits).unwrap();
    if many {
        for s in Strategy::ALL {
            let g = gpu.with_strategy(s);
            for bits in 0..8 {
                let mut o = CrossEntropy::new().gradient(bits & 1 > 0).entropy(bits & 2 > 0);
                if bits & 4 > 0 { o = o.label_smoothing(0.1); }
                let _ = g.cross_entropy(&logits, &targets, &o);
            }
        }
    }
}
fn main() {
    let index: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    println!("{} start {} MB", Gpu::adapters()[index], rss());
    for i in 0..30 {
        let gpu = Gpu::open(&AdapterChoice::Index(index)).unwrap();
        call(&gpu, false);
        drop(gpu);
        if i % 5 == 4 { println!("reopened {} times: {} MB", i + 1, rss()); }
    }
    for _ in 0..3 {
        let gpu = Gpu::open(&AdapterChoice::Index(index)).unwrap();
        let b = rss();
        call(&gpu, true);
        println!("many pipelines: {b} -> {} MB", rss());
        call(&gpu, true);
        println!("again: {} MB", rss());
        drop(gpu);
        println!("dropped: {} MB", rss());
        #[cfg(target_os = "linux")]
        { unsafe extern "C" { fn malloc_trim(n: usize) -> i32; } unsafe { malloc_trim(0); } println!("trimmed: {} MB", rss()); }
    }
}
