//! The header of `NumPy`'s `.npy` files.
//!
//! Own code rather than the `npyz` crate: that one reads the header through a
//! grammar for any Python literal, which needs a C compiler to build, allocates
//! what a damaged header length asks for (up to 4 GiB) and reports errors over
//! several lines. A header that holds a plain array has one fixed form.

use std::path::Path;

use super::error::clipped;
use super::{ArrayError, Dtype, Layout, element_count};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads the header at the start of `file`.
pub(super) fn layout(path: &Path, file: &[u8]) -> Result<Layout, ArrayError> {
    let malformed = |reason: String| ArrayError::Header { path: path.to_owned(), reason };
    let (header, offset) = split(file).map_err(malformed)?;
    let fields = Cursor { all: header, at: 0 }.fields().map_err(malformed)?;
    let (dtype, swapped) = match &fields.descr {
        Descr::Plain(descr) => parse_descr(path, descr)?,
        Descr::Structured => {
            return Err(ArrayError::UnsupportedDtype {
                path: path.to_owned(),
                dtype: "structured".to_owned(),
                fix: "save one of its fields as an array of its own",
            });
        }
    };
    let shape = fields.shape;
    let len = element_count(path, &shape, dtype)?;
    if fields.fortran_order && shape.len() > 1 {
        return Err(ArrayError::FortranOrder { path: path.to_owned(), shape });
    }
    // Both terms are at most `isize::MAX`: a slice's length and a checked size.
    let file_size = offset as u64 + (len * dtype.size()) as u64;
    Ok(Layout { dtype, shape, swapped, offset, len, file_size })
}

/// The header of a version 1 file, padded to whole blocks of 64 bytes.
pub(super) fn header(shape: &[usize], descr: &str) -> Vec<u8> {
    let shape = match shape {
        [dim] => format!("({dim},)"),
        _ => {
            let dims: Vec<_> = shape.iter().map(usize::to_string).collect();
            format!("({})", dims.join(", "))
        }
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let start = MAGIC.len() + 4;
    let padded = (start + text.len() + 1).next_multiple_of(64) - start;
    text.extend(std::iter::repeat_n(' ', padded - 1 - text.len()));
    text.push('\n');

    // `MAX_DIMS` dimensions of 20 digits stay far below the 65535 of version 1.
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend((padded as u16).to_le_bytes());
    header.extend(text.bytes());
    header
}

/// The header's text, and the position where the elements start.
fn split(file: &[u8]) -> Result<(&[u8], usize), String> {
    const CUT: &str = "the file ends within it";
    if MAGIC.starts_with(file) {
        return Err(CUT.to_owned());
    }
    let Some(rest) = file.strip_prefix(MAGIC) else {
        return Err("not a .npy file, its first bytes are wrong".to_owned());
    };
    let (len, start) = match *rest {
        [1, 0, a, b, ..] => (u16::from_le_bytes([a, b]) as usize, MAGIC.len() + 4),
        [2 | 3, 0, a, b, c, d, ..] => (u32::from_le_bytes([a, b, c, d]) as usize, MAGIC.len() + 6),
        [1..=3, 0, ..] | [] | [_] => return Err(CUT.to_owned()),
        [major, minor, ..] => return Err(format!("unknown version {major}.{minor}")),
    };
    let end = start.saturating_add(len);
    match file.get(start..end) {
        Some(header) => Ok((header, end)),
        None => Err(format!("it claims {len} bytes, the whole file has {}", file.len())),
    }
}

fn unsupported(path: &Path, dtype: &str) -> ArrayError {
    ArrayError::UnsupportedDtype {
        path: path.to_owned(),
        dtype: dtype.to_owned(),
        fix: "convert it with .astype('float32') or .astype('int64')",
    }
}

/// The type that `NumPy`'s notation means, and whether its bytes are swapped.
fn parse_descr(path: &Path, descr: &str) -> Result<(Dtype, bool), ArrayError> {
    let big_host = cfg!(target_endian = "big");
    let (big, name) = match descr.as_bytes().first() {
        Some(b'<') => (false, &descr[1..]),
        Some(b'>') => (true, &descr[1..]),
        Some(b'|' | b'=') => (big_host, &descr[1..]),
        _ => (big_host, descr),
    };
    let dtype = match name {
        "b1" => Dtype::Bool,
        "i1" => Dtype::I8,
        "i2" => Dtype::I16,
        "i4" => Dtype::I32,
        "i8" => Dtype::I64,
        "u1" => Dtype::U8,
        "u2" => Dtype::U16,
        "u4" => Dtype::U32,
        "u8" => Dtype::U64,
        "f2" => Dtype::F16,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        // What NumPy writes for bfloat16, but also for any other two bytes.
        "V2" => {
            return Err(ArrayError::UnsupportedDtype {
                path: path.to_owned(),
                dtype: format!("'{descr}'"),
                fix: "if it is bfloat16, save it as .safetensors or with .astype('float32')",
            });
        }
        _ => return Err(unsupported(path, &format!("'{}'", clipped(descr)))),
    };
    Ok((dtype, big != big_host))
}

enum Descr<'a> {
    Plain(&'a str),
    Structured,
}

struct Fields<'a> {
    descr: Descr<'a>,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// Reads the one form of Python dictionary that a header has.
struct Cursor<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn fields(mut self) -> Result<Fields<'a>, String> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect("{")?;
        while !self.eat("}") {
            let key = self.string()?;
            self.expect(":")?;
            let repeated = match key {
                // The fields of a structured array need not be read to refuse it.
                "descr" if self.eat("[") => {
                    return Ok(Fields { descr: Descr::Structured, fortran_order: false, shape: Vec::new() });
                }
                "descr" => descr.replace(Descr::Plain(self.string()?)).is_some(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_some(),
                "shape" => shape.replace(self.shape()?).is_some(),
                _ => return Err(format!("unknown key '{}'", clipped(key))),
            };
            if repeated {
                return Err(format!("the key '{key}' is repeated"));
            }
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        if !self.rest().is_empty() {
            return Err(self.wanted("the end"));
        }
        let missing = |key: &str| format!("the key '{key}' is missing");
        Ok(Fields {
            descr: descr.ok_or_else(|| missing("descr"))?,
            fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }

    /// What follows the blanks at the current position.
    fn rest(&mut self) -> &'a [u8] {
        let rest = self.all[self.at..].trim_ascii_start();
        self.at = self.all.len() - rest.len();
        rest
    }

    fn wanted(&self, what: &str) -> String {
        format!("expected {what} at its byte {}", self.at)
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token.as_bytes());
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        match self.eat(token) {
            true => Ok(()),
            false => Err(self.wanted(&format!("'{token}'"))),
        }
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let rest = self.rest();
        let text = match rest {
            [quote @ (b'\'' | b'"'), text @ ..] => text.split(|b| b == quote).next(),
            _ => None,
        };
        match text.map(str::from_utf8) {
            Some(Ok(text)) if rest.len() > text.len() + 1 => {
                self.at += text.len() + 2;
                Ok(text)
            }
            _ => Err(self.wanted("a string")),
        }
    }

    fn boolean(&mut self) -> Result<bool, String> {
        if self.eat("True") {
            Ok(true)
        } else if self.eat("False") {
            Ok(false)
        } else {
            Err(self.wanted("True or False"))
        }
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        let mut dims = Vec::new();
        self.expect("(")?;
        while !self.eat(")") {
            dims.push(self.dimension()?);
            if !self.eat(",") {
                // `(3)` is a number in Python, not a tuple.
                if dims.len() == 1 {
                    return Err(self.wanted("','"));
                }
                self.expect(")")?;
                break;
            }
        }
        Ok(dims)
    }

    fn dimension(&mut self) -> Result<usize, String> {
        let rest = self.rest();
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let text = str::from_utf8(&rest[..digits]).unwrap_or_default();
        if text.is_empty() {
            return Err(self.wanted("a dimension of 0 or more"));
        }
        self.at += digits;
        // Python 2 marked its long integers.
        self.eat("L");
        text.parse().map_err(|_| format!("dimension {} is too large", clipped(text)))
    }
}
