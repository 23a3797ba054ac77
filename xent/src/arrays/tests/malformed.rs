//! Files that are damaged or meant to harm: an error, never a panic.

use super::*;

#[test]
fn npy_headers() {
    let files = Files::new();
    let header = |text: &str| npy(text, &[]);
    let shape = |shape: &str| plain_npy("<f4", shape, &[]);
    let descr = |descr: &str| plain_npy(descr, "(1,)", &[0; 4]);
    let dims = format!("({})", "1,".repeat(65));
    let digits = "9".repeat(60_000);
    let cases: &[(Vec<u8>, &str)] = &[
        (b"".to_vec(), "the file ends within it"),
        (b"\x93NUM".to_vec(), "the file ends within it"),
        (b"\x93NUMPY".to_vec(), "the file ends within it"),
        (b"\x93NUMPY\x01".to_vec(), "the file ends within it"),
        (b"\x93NUMPY\x02\x00\x01\x00\x00".to_vec(), "the file ends within it"),
        (b"PK\x03\x04 an .npz renamed".to_vec(), "not a .npy file"),
        (b"\x93NUMPY\x04\x00\x00\x00".to_vec(), "unknown version 4.0"),
        (b"\x93NUMPY\x01\x01\x00\x00".to_vec(), "unknown version 1.1"),
        (b"\x93NUMPY\x01\x00\xff\xff{".to_vec(), "claims 65535 bytes, the whole file has 11"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "claims 4294967295 bytes"),
        (b"\x93NUMPY\x03\x00\x02\x00\x00\x00\xff\xfe".to_vec(), "expected '{'"),
        (b"\x93NUMPY\x01\x00\x04\x00{'\xff'".to_vec(), "expected a string"),
        (header(""), "expected '{' at its byte 0"),
        (header("{"), "expected a string at its byte 1"),
        (header("{}"), "'descr' is missing"),
        (header("{'descr"), "expected a string"),
        (header("{'descr'"), "expected ':'"),
        (header("{'descr': 5}"), "expected a string"),
        (header("{'descr': '<f4', 'shape': ()}"), "'fortran_order' is missing"),
        (header("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}"), "True or False"),
        (header("{'descr': '<f4', 'fortran_order': False}"), "'shape' is missing"),
        (header("{'descr': '<f4', 'descr': '<f8', 'shape': ()}"), "'descr' is repeated"),
        (header("{'descr': '<f4', 'a\nb': 1}"), "unknown key 'a\\nb'"),
        (header("{'descr': '<f4' 'shape': ()}"), "expected '}'"),
        (header("{'descr': '<f4'} {}"), "expected the end"),
        (header(&"(".repeat(60_000)), "expected '{'"),
        (header(&"{".repeat(60_000)), "expected a string"),
        (shape("(-1,)"), "expected a dimension of 0 or more"),
        (shape("(2.5,)"), "expected ','"),
        (shape("(1, 2.5)"), "expected ')'"),
        (shape("(3)"), "expected ','"),
        (shape("3"), "expected '('"),
        (shape("(None,)"), "expected a dimension"),
        (shape(&"(".repeat(60_000)), "expected a dimension"),
        (shape("(18446744073709551616,)"), "18446744073709551616 is too large"),
        (shape(&format!("({digits},)")), "is too large"),
        (shape("(4294967296, 4294967296)"), "[4294967296, 4294967296] of float32 is too large"),
        (shape("(0, 18446744073709551615)"), "is too large"),
        (shape("(2305843009213693952,)"), "is too large"),
        (shape(&dims), "65 dimensions, at most 64"),
        (descr("<c8"), "unsupported dtype '<c8'"),
        (descr("|O"), "unsupported dtype '|O'"),
        (descr("<U1"), "unsupported dtype '<U1'"),
        (descr("<f16"), "unsupported dtype '<f16'"),
        (descr(""), "unsupported dtype ''"),
        (descr("<"), "unsupported dtype '<'"),
        (descr("é4"), "unsupported dtype 'é4'"),
        (descr("<V2"), "if it is bfloat16"),
        (header("{'descr': [('a', '<f4')], 'shape': ()}"), "structured"),
        (shape("(1, 2)"), "expected 78 bytes as its header says, found 70 (the file is truncated"),
        (plain_npy("|i1", "(2,)", &[0; 3]), "the file has trailing bytes"),
    ];
    for (bytes, part) in cases {
        let result = Array::open(&files.put("a.npy", bytes));
        assert_message(result, &["a.npy: ", part]);
    }
}

#[test]
fn fortran_order_says_how_to_fix_it() {
    let files = Files::new();
    let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }\n";
    let result = Array::open(&files.put("a.npy", &npy(header, &[0; 4])));
    assert_message(result, &["a.npy: ", "[1, 1]", "fortran", "numpy.ascontiguousarray"]);
}

#[test]
fn safetensors_headers() {
    let files = Files::new();
    let one = |dtype: &str, shape: &str, offsets: &str| {
        let header = format!(r#"{{"x":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#);
        safetensors(&header, &[0; 8])
    };
    let length = |length: u64| [&length.to_le_bytes()[..], b"{}"].concat();
    // Each size is in range, their sum is not.
    let part = 1u64 << 60;
    let parts: Vec<_> = (0..16)
        .map(|i| {
            let (start, end) = (i * part, (i * part).saturating_add(part - u64::from(i == 15)));
            let size = end - start;
            format!(r#""{i}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{start},{end}]}}"#)
        })
        .collect();
    let cases: &[(Vec<u8>, &str)] = &[
        (vec![], "the file's 0 bytes do not hold its length"),
        (vec![2, 0, 0, 0, 0, 0, 0], "the file's 7 bytes"),
        (length(3), "claims 3 bytes, the whole file has 10"),
        (length(100_000_001), "at most 100000000 are allowed"),
        (length(u64::MAX), "claims 18446744073709551615 bytes"),
        (length(0), "malformed header"),
        (safetensors("{\"\u{0}", &[]), "malformed header"),
        ([&[2u8, 0, 0, 0, 0, 0, 0, 0][..], b"\xff\xfe"].concat(), "malformed header"),
        (safetensors("[]", &[]), "malformed header"),
        (safetensors(&"[".repeat(1 << 20), &[]), "malformed header"),
        (safetensors(&r#"{"x":"#.repeat(1 << 18), &[]), "malformed header"),
        (safetensors(r#"{"x":{"dtype":"F32"}}"#, &[]), "missing field"),
        (one("F\\n33", "[2]", "[0,8]"), "unknown variant `F\\n33`"),
        (one(&"F".repeat(100_000), "[2]", "[0,8]"), "..."),
        (one("F32", "[-2]", "[0,8]"), "malformed header"),
        (one("F32", "[2.0]", "[0,8]"), "malformed header"),
        (one("F32", "[36893488147419103232]", "[0,8]"), "malformed header"),
        (one("F32", "[4294967296,4294967296]", "[0,8]"), "overflow"),
        (one("F32", "[3]", "[0,8]"), "invalid shape"),
        (one("F32", "[1]", "[4,8]"), "invalid offset"),
        (one("F32", "[1]", "[8,4]"), "invalid offset"),
        (one("F4", "[1]", "[0,1]"), "malformed header"),
        (one("F4", "[16]", "[0,8]"), "unsupported dtype F4"),
        (one("C64", "[1]", "[0,8]"), "unsupported dtype C64"),
        (one("F64", "[2]", "[0,16]"), "found 71 (the file is truncated)"),
        (one("F16", "[2]", "[0,4]"), "found 70 (the file has trailing bytes)"),
        (one("U8", &format!("[{}8]", "1,".repeat(64)), "[0,8]"), "65 dimensions"),
        (safetensors(&format!("{{{}}}", parts.join(",")), &[]), "too large to address"),
    ];
    for (bytes, part) in cases {
        let result = Array::open(&files.put("a.safetensors", bytes));
        assert_message(result, &["a.safetensors: ", part]);
    }
    let hidden = r#"{"x":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}"#;
    let path = files.put("a.safetensors", &safetensors(hidden, &[]));
    assert_message(Array::open(&path), &["is too large to address"]);
}

#[test]
fn many_hostile_names_stay_one_short_line() {
    let files = Files::new();
    let tensors: Vec<_> = (0..30)
        .map(|i| {
            let name = "\\n\\u001b".repeat(10);
            format!(r#""{i:02}{name}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#)
        })
        .collect();
    let file = safetensors(&format!("{{{}}}", tensors.join(",")), &[]);
    let message = Array::open(&files.put("a.safetensors", &file)).unwrap_err().to_string();
    assert!(message.contains("30 tensors") && message.ends_with("and 10 more"), "{message}");
    assert!(!message.contains(['\n', '\u{1b}']), "{message}");
}

#[test]
fn cut_and_damaged_files_never_panic() {
    let files = Files::new();
    let header = r#"{"x":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]}}"#;
    for (name, good) in [("a.npy", plain_npy("<f2", "(2, 1)", &[1, 2, 3, 4])), ("a.safetensors", safetensors(header, &[1, 2, 3, 4]))] {
        assert_eq!(f32s(&files.put(name, &good)).len(), 2);
        for cut in 0..good.len() {
            assert!(Array::open(&files.put(name, &good[..cut])).is_err(), "{name} {cut}");
        }
        for at in 0..good.len() {
            for damage in [b'\0', b'9', b'(', b'\'', b'}', b' ', b'L', 0xff] {
                let mut bad = good.clone();
                bad[at] = damage;
                let Ok(array) = Array::open(&files.put(name, &bad)) else {
                    continue;
                };
                let _ = array.window_f32(0, array.len());
                let _ = array.read_i64(0, &mut vec![0; array.len()]);
                array.release(0, array.len());
            }
        }
    }
}

#[test]
fn what_is_no_file_is_named() {
    let files = Files::new();
    let missing = files.path("none.npy");
    assert_message(Array::open(&missing), &["none.npy: cannot open the file: "]);
    fs::create_dir(files.path("d.safetensors")).unwrap();
    let directory = files.path("d.safetensors:x");
    assert_message(Array::open(&directory), &["d.safetensors: not a regular file"]);
    #[cfg(unix)]
    {
        let device = files.path("null.npy");
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        assert_message(Array::open(&device), &["null.npy: not a regular file"]);
    }
}
