// A result of the logits' shape, f16 or bf16, written one element at a time: any start, stride and inner size. Neighbours in a word
// may belong to different rows, written by different threads: halves are put with atomic operations that leave the other half.
// Needs: params.wgsl, half.wgsl; STRIDED.

override RESULT_BF16: bool = false;

@group(0) @binding(4) var<storage, read_write> result: array<atomic<u32>>;

fn result_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.result_start + (row / params.inner) * params.result_stride + row % params.inner + column * params.inner;
    }
    return params.result_start + row * params.result_stride + column;
}

fn put_half(i: u32, half: u32) {
    let shift = 16u * (i % 2u);
    atomicAnd(&result[i / 2u], ~(HALF_MASK << shift));
    atomicOr(&result[i / 2u], half << shift);
}

fn put_quad(row: u32, quad: u32, value: vec4<f32>) {
    let halves = narrow4(value, RESULT_BF16);
    let i = result_at(row, 4u * quad);
    if STRIDED {
        put_half(i, halves.x);
        put_half(i + params.inner, halves.y);
        put_half(i + 2u * params.inner, halves.z);
        put_half(i + 3u * params.inner, halves.w);
        return;
    }
    if i % 2u == 0u {
        let words = words_of(halves);
        atomicStore(&result[i / 2u], words.x);
        atomicStore(&result[i / 2u + 1u], words.y);
        return;
    }
    put_half(i, halves.x);
    atomicStore(&result[i / 2u + 1u], halves.y | (halves.z << 16u));
    put_half(i + 3u, halves.w);
}

fn put_some(row: u32, quad: u32, value: vec4<f32>, number: u32) {
    let halves = narrow4(value, RESULT_BF16);
    let i = result_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    put_half(i, halves.x);
    if number > 1u {
        put_half(i + step, halves.y);
    }
    if number > 2u {
        put_half(i + 2u * step, halves.z);
    }
}
