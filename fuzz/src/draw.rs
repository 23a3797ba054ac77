//! Numbers drawn from the bytes of a fuzzer's input; zeros when these are used up.

/// What is left of the bytes.
pub(crate) struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [byte] = self.bytes();
        byte
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of so many choices.
    pub(crate) fn below(&mut self, choices: usize) -> usize {
        usize::from(self.byte()) % choices
    }

    /// A number, most often a small one or one beside a power of two: where the arithmetic of sizes goes wrong.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..192 => small.into(),
            192..208 => u16::from_le_bytes(self.bytes()).into(),
            208..216 => u32::from_le_bytes(self.bytes()).into(),
            216..224 => u64::from_le_bytes(self.bytes()),
            224..240 => (1_u64 << (self.byte() % 64)).wrapping_add(u64::from(self.byte() % 3)).wrapping_sub(1),
            _ => u64::MAX - u64::from(self.byte()),
        }
    }

    pub(crate) fn size(&mut self) -> usize {
        self.number() as usize
    }

    pub(crate) fn word(&mut self) -> u32 {
        self.number() as u32
    }

    /// A number with a sign.
    pub(crate) fn integer(&mut self) -> i64 {
        let number = self.number() as i64;
        if self.flag() { number } else { number.wrapping_neg() }
    }

    /// A float: a plain one, a special one, or any bits.
    pub(crate) fn float(&mut self) -> f32 {
        const SPECIAL: [f32; 8] = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, f32::MIN, f32::MIN_POSITIVE];
        match self.byte() {
            plain @ 0..192 => (f32::from(plain) - 96.0) / 8.0,
            special @ 192..224 => SPECIAL[usize::from(special) % SPECIAL.len()],
            _ => f32::from_bits(u32::from_le_bytes(self.bytes())),
        }
    }

    pub(crate) fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.float()).collect()
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.0.len().min(N);
        let (head, rest) = self.0.split_at(taken);
        self.0 = rest;
        let mut bytes = [0; N];
        bytes[..taken].copy_from_slice(head);
        bytes
    }
}

/// An error is told in one short line that a terminal shows as it is.
#[track_caller]
pub(crate) fn check_message(error: &impl std::fmt::Display) {
    let message = error.to_string();
    assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
    assert!(message.len() < 1500, "{} bytes: {message:?}", message.len());
}
