// The four largest logits of a row behind the last one listed, of equal ones the first class first. A class is behind another if it has
// a smaller key, or the same and a larger number. Needs: params.wgsl, words.wgsl, numerics.wgsl, quads.wgsl, keys.wgsl; Transform.

struct Stats {
    keys: vec4<u32>,    // falling; 0 if there is none
    best: vec4<u32>,    // their classes; NONE if there is none
}

struct State {
    stats: Stats,
    last_key: u32,
    last: u32,
    transform: Transform,
}

fn empty() -> Stats {
    return Stats(vec4(0u), vec4(NONE));
}

fn begin(row: u32) -> State {
    let transform = transform_of(row);
    if params.listed == 0u {
        return State(empty(), NONE, NONE, transform);
    }
    return State(empty(), words[params.threshold + row], words[params.argmax + row], transform);
}

// Puts a class where it belongs, and drops the last one.
fn inserted(list: Stats, key: u32, column: u32) -> Stats {
    let behind = (list.keys < vec4(key)) | ((list.keys == vec4(key)) & (list.best > vec4(column)));
    // What comes behind moves on by one, the first of them makes room.
    let moves = vec4(false, behind.xyz);
    let keys = select(list.keys, select(vec4(key), vec4(0u, list.keys.xyz), moves), behind);
    return Stats(keys, select(list.best, select(vec4(column), vec4(NONE, list.best.xyz), moves), behind));
}

fn absorb_quad(before: State, row: u32, quad: u32, x: vec4<f32>) -> State {
    let keys = key4(transformed(before.transform, x));
    let columns = vec4(4u * quad) + vec4(0u, 1u, 2u, 3u);
    let is_left = (keys < vec4(before.last_key)) | ((keys == vec4(before.last_key)) & (columns > vec4(before.last)));
    let found = select(vec4(0u), keys, present4(row, quad) & is_left);
    // Later classes of a lane are behind earlier ones with the same key. Few are among the four.
    if all(found <= vec4(before.stats.keys.w)) {
        return before;
    }
    var list = before.stats;
    list = inserted(list, found.x, select(NONE, columns.x, found.x > 0u));
    list = inserted(list, found.y, select(NONE, columns.y, found.y > 0u));
    list = inserted(list, found.z, select(NONE, columns.z, found.z > 0u));
    list = inserted(list, found.w, select(NONE, columns.w, found.w > 0u));
    return State(list, before.last_key, before.last, before.transform);
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32, x: Block) -> State {
    let half = absorb_quad(absorb_quad(before, row, quad, x.a), row, quad + step, x.b);
    return absorb_quad(absorb_quad(half, row, quad + 2u * step, x.c), row, quad + 3u * step, x.d);
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return state.stats;
}

fn combine(a: Stats, b: Stats) -> Stats {
    let two = inserted(inserted(a, b.keys.x, b.best.x), b.keys.y, b.best.y);
    return inserted(inserted(two, b.keys.z, b.best.z), b.keys.w, b.best.w);
}
