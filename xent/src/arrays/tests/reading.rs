//! Values, types and windows of well-formed files.

use super::*;
use std::borrow::Cow;

/// Written by `NumPy` 2.4.6: `numpy.save(f, numpy.arange(6, dtype='<f4').reshape(2, 3))`.
const NUMPY_F4: &[u8] = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, \
    'shape': (2, 3), }                                                          \n\
    \x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@\x00\x00\xa0@";
/// Written by `NumPy` 2.4.6 with `write_array(f, numpy.arange(2, dtype='f2'), (3, 0))`.
const NUMPY_V3: &[u8] = b"\x93NUMPY\x03\x00t\x00\x00\x00{'descr': '<f2', 'fortran_order': \
    False, 'shape': (2,), }                                                          \n\
    \x00\x00\x00<";

#[test]
fn numpys_own_files() {
    let files = Files::new();
    let path = files.put("a.npy", NUMPY_F4);
    let array = Array::open(&path).unwrap();
    assert_eq!((array.shape(), array.dtype()), (&[2, 3][..], Dtype::F32));
    assert_eq!(f32s(&path), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);

    let mut version_2 = NUMPY_V3.to_vec();
    version_2[6] = 2;
    assert_eq!(f32s(&files.put("b.npy", NUMPY_V3)), [0.0, 1.0]);
    assert_eq!(f32s(&files.put("c.npy", &version_2)), [0.0, 1.0]);
}

#[test]
fn headers_in_other_hands() {
    let files = Files::new();
    for header in [
        "{'shape':(2L,),'fortran_order':False,'descr':\"<f4\"}",
        "  { 'shape' : ( 2 , ) , 'descr' : '<f4' , 'fortran_order' : True , }  \n\n",
    ] {
        let file = npy(header, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]);
        assert_eq!(f32s(&files.put("a.npy", &file)), [1.0, 2.0], "{header}");
    }
}

#[test]
fn every_integer_type_in_both_orders() {
    let files = Files::new();
    macro_rules! check {
        ($($t:ident $descr:literal $tensor:literal $dtype:expr;)*) => {$({
            let values = [$t::MIN, 1, 2, $t::MAX >> 1];
            let expected = values.map(|value| i64::try_from(value).unwrap());
            let little: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
            let a = plain_npy(concat!("<", $descr), "(2, 2)", &little);
            let b = plain_npy(concat!(">", $descr), "(2, 2)", &big);
            let header = format!(
                r#"{{"x":{{"dtype":"{}","shape":[2,2],"data_offsets":[0,{}]}}}}"#,
                $tensor, little.len(),
            );
            for path in [
                files.put("a.npy", &a),
                files.put("b.npy", &b),
                files.put("c.safetensors", &safetensors(&header, &little)),
            ] {
                let array = Array::open(&path).unwrap();
                assert_eq!((array.dtype(), array.shape()), ($dtype, &[2, 2][..]), "{path}");
                assert_eq!($dtype.size(), size_of::<$t>());
                assert_eq!($dtype.to_string(), $tensor.replace('I', "int").replace('U', "uint"));
                assert_eq!(i64s(&path), expected, "{path}");
                let mut last = [0];
                array.read_i64(3, &mut last).unwrap();
                assert_eq!(last, [expected[3]]);
                assert_message(array.window_f32(0, 1), &["dtype is", "float32", "astype('float32')"]);
            }
        })*};
    }
    check! {
        i8 "i1" "I8" Dtype::I8; i16 "i2" "I16" Dtype::I16;
        i32 "i4" "I32" Dtype::I32; i64 "i8" "I64" Dtype::I64;
        u8 "u1" "U8" Dtype::U8; u16 "u2" "U16" Dtype::U16;
        u32 "u4" "U32" Dtype::U32; u64 "u8" "U64" Dtype::U64;
    }
}

#[test]
fn halves_keep_every_value() {
    let files = Files::new();
    let bits: Vec<u16> = (0..=u16::MAX).collect();
    let little: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
    let big: Vec<u8> = bits.iter().flat_map(|b| b.to_be_bytes()).collect();
    let header = r#"{"x":{"dtype":"BF16","shape":[65536],"data_offsets":[0,131072]}}"#;
    let brain = files.put("b.safetensors", &safetensors(header, &little));
    let half_little = files.put("h.npy", &plain_npy("<f2", "(65536,)", &little));
    let half_big = files.put("g.npy", &plain_npy(">f2", "(65536,)", &big));

    // Computed from the formats' definitions.
    let half = |bits: u16| {
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
        let magnitude = match exponent {
            0 => fraction * 2f32.powi(-24),
            31 if fraction == 0.0 => f32::INFINITY,
            31 => f32::NAN,
            _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
        };
        if bits >> 15 == 1 { -magnitude } else { magnitude }
    };
    let wide = |bits: u16| f32::from_bits(u32::from(bits) << 16);
    let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    for (path, expected) in [(&brain, &wide as &dyn Fn(u16) -> f32), (&half_little, &half), (&half_big, &half)] {
        let values = f32s(path);
        for (&bits, &value) in bits.iter().zip(&values) {
            let expected = expected(bits);
            assert!(same(value, expected), "{path} {bits:04x}: {value} {expected}");
        }
        // A window across the conversion's blocks, at an odd place.
        let array = Array::open(path).unwrap();
        let window = array.window_f32(1021, 2051).unwrap();
        for (value, expected) in window.iter().zip(&values[1021..]) {
            assert!(same(*value, *expected));
        }
    }
}

#[test]
fn float32_is_borrowed_where_possible_and_exact_anyway() {
    let files = Files::new();
    let bits: [u32; 4] = [0x7fa0_0001, 0xff80_0000, 0x8000_0001, 0x3f80_0000];
    let little: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
    let big: Vec<u8> = bits.iter().flat_map(|b| b.to_be_bytes()).collect();
    let to_bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let mut seen = [0, 0];
    // Blanks in the header move the elements over every alignment.
    for blanks in 0..4 {
        for (descr, elements) in [("<f4", &little), (">f4", &big)] {
            let shape = format!("(4,{})", " ".repeat(blanks));
            let path = files.put("a.npy", &plain_npy(descr, &shape, elements));
            let array = Array::open(&path).unwrap();
            let window = array.window_f32(1, 3).unwrap();
            assert_eq!(to_bits(&window), bits[1..], "{descr} {blanks}");
            assert_eq!(to_bits(&f32s(&path)), bits);
            seen[usize::from(matches!(window, Cow::Borrowed(_)))] += 1;
        }
    }
    let borrowed = 1;
    assert_eq!(seen, [8 - borrowed, borrowed]);
}

#[test]
fn windows_end_with_the_array() {
    let files = Files::new();
    let array = Array::open(&files.put("a.npy", NUMPY_F4)).unwrap();
    assert_eq!(array.window_f32(6, 0).unwrap().len(), 0);
    for (start, len) in [(0, 7), (6, 1), (7, 0), (usize::MAX, 1), (1, usize::MAX)] {
        let parts = [&start.to_string()[..], &len.to_string(), "array's 6"];
        assert_message(array.window_f32(start, len), &parts);
        array.release(start, len);
    }
    assert_message(array.read_f32(5, &mut [0.0; 2]), &["2 elements from 5 on"]);
    assert_eq!(array.window_f32(5, 1).unwrap()[0], 5.0);
}

#[test]
fn types_are_refused_with_their_fix() {
    let files = Files::new();
    for (descr, size, name) in [("<f8", 8, "float64"), ("|b1", 1, "bool")] {
        let array = Array::open(&files.put("a.npy", &plain_npy(descr, "()", &vec![0; size]))).unwrap();
        let fix = ["a.npy: dtype is", name, "float16", ".astype('float32')"];
        assert_message(array.window_f32(0, 1), &fix);
        let fix = [name, "an integer type", ".astype('int64')"];
        assert_message(array.read_i64(0, &mut [0]), &fix);
    }
}

#[test]
fn everything_but_0_is_true() {
    let files = Files::new();
    let mut out = [false; 3];
    for (descr, size) in [("|b1", 1), ("|u1", 1), ("<i2", 2), (">i4", 4), (">i8", 8)] {
        // 1, 0, and a number whose first byte is 0 in one of the orders.
        let mut bytes = vec![0; 3 * size];
        (bytes[0], bytes[3 * size - 1]) = (1, 1);
        Array::open(&files.put("a.npy", &plain_npy(descr, "(3,)", &bytes))).unwrap().read_bool(0, &mut out).unwrap();
        assert_eq!(out, [true, false, true], "{descr}");
    }
    let array = Array::open(&files.put("a.npy", &plain_npy("<f4", "(3,)", &[0; 12]))).unwrap();
    assert_message(array.read_bool(0, &mut out), &["dtype is float32", "expected bool or an integer type", ".astype('bool')"]);
}

#[test]
fn integers_beyond_int64_are_named() {
    let files = Files::new();
    let values = [1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    let array = Array::open(&files.put("a.npy", &plain_npy(">u8", "(4,)", &bytes))).unwrap();
    let mut out = [0; 2];
    array.read_i64(0, &mut out).unwrap();
    assert_eq!(out, [1, i64::MAX]);
    let parts = ["element 2 is 9223372036854775808"];
    assert_message(array.read_i64(1, &mut [0; 3]), &parts);
}

#[test]
fn tensors_are_chosen_by_name() {
    let files = Files::new();
    let header = r#"{"__metadata__":{"format":"pt"},
        "b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
        "a:1":{"dtype":"I8","shape":[],"data_offsets":[1,2]}}"#;
    let path = files.put("a.safetensors", &safetensors(header, &[200, 200]));
    assert_eq!(i64s(&format!("{path}:b")), [200]);
    assert_eq!(i64s(&format!("{path}:a:1")), [-56]);
    let list = r#""a:1", "b""#;
    let example = format!("2 tensors, name one as {path}:TENSOR: {list}");
    assert_message(Array::open(&path), &[&example]);
    let unknown = format!(r#"no tensor named "c\n", the file has {list}"#);
    assert_message(Array::open(&format!("{path}:c\n")), &[&unknown]);
    let empty = files.put("b.safetensors", &safetensors("{}", &[]));
    assert_message(Array::open(&empty), &["the file has no tensors"]);
    assert_message(Array::open(&format!("{empty}:x")), &["the file has none"]);
}

#[cfg(target_os = "linux")]
#[test]
fn released_windows_leave_memory() {
    let files = Files::new();
    let path = files.path("a.npy");
    let values = vec![1.5; 1 << 20];
    let mut writer = Writer::create(&path, &[values.len()]).unwrap();
    writer.write(&values).unwrap();
    writer.finish().unwrap();
    let resident = || {
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        let map = &maps[maps.find(&path).unwrap()..];
        let rss = map.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kilobytes = rss.unwrap().trim().trim_end_matches(" kB");
        kilobytes.parse::<usize>().unwrap()
    };
    let array = Array::open(&path).unwrap();
    let all = array.window_f32(0, array.len()).unwrap();
    assert_eq!(all.iter().sum::<f32>(), 1.5 * (1 << 20) as f32);
    assert!(resident() >= 4096);
    array.release(0, usize::MAX);
    assert!(resident() < 64, "{} kB", resident());
    assert_eq!(all[12345], 1.5);
}
