// How many classes a row has, and how they lie in memory: side by side, or STRIDED, params.inner elements apart. Needs: params.wgsl.

override STRIDED: bool = false;

// Of short rows the number is known to the compiler, so that nothing is asked at their ends; else this is 0.
override CLASSES: u32 = 0u;

fn classes() -> u32 {
    return select(params.classes, CLASSES, CLASSES != 0u);
}
