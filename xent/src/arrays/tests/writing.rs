//! Files that are written, and those that must not be.

use super::*;

#[test]
fn every_shape_comes_back() {
    let files = Files::new();
    for shape in [&[][..], &[0, 5], &[3], &[2, 3], &[1, 1, 4], &[1; 64]] {
        let len = shape.iter().product();
        for name in ["a.npy", "a.safetensors", "a.safetensors:logits \"é\""] {
            let path = files.path(name);
            let floats: Vec<_> = (0..len).map(|i| i as f32 - 0.5).collect();
            let mut writer = Writer::create(&path, shape).unwrap();
            floats.chunks(2).for_each(|part| writer.write(part).unwrap());
            writer.finish().unwrap();
            let array = Array::open(&path).unwrap();
            assert_eq!((array.shape(), array.dtype()), (shape, Dtype::F32), "{path}");
            assert_eq!(array.len(), len);
            assert_eq!(f32s(&path), floats);
        }
    }
    assert_eq!(files.names(), ["a.npy", "a.safetensors"]);
}

#[test]
fn files_are_those_of_the_formats_own_libraries() {
    let files = Files::new();
    let path = files.path("a.npy");
    let mut writer = Writer::create(&path, &[2, 1]).unwrap();
    writer.write(&[0.0, 1.5]).unwrap();
    writer.finish().unwrap();
    let numpy = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': \
        (2, 1), }                                                          \n\
        \x00\x00\x00\x00\x00\x00\xc0?";
    assert_eq!(fs::read(&path).unwrap(), numpy);

    let path = files.path("a.safetensors");
    let mut writer = Writer::create(&path, &[3]).unwrap();
    writer.write(&[1.0, 2.0, 3.0]).unwrap();
    writer.finish().unwrap();
    let file = fs::read(&path).unwrap();
    let tensors = ::safetensors::SafeTensors::deserialize(&file).unwrap();
    assert_eq!(tensors.names(), ["data"]);
    assert_eq!(tensors.tensor("data").unwrap().shape(), [3]);
    assert_eq!((file.len() - 12) % 8, 0, "the elements are aligned");
}

#[test]
fn integers_and_elements_in_any_order() {
    let files = Files::new();
    for name in ["a.npy", "a.safetensors:x"] {
        let path = files.path(name);
        let mut writer = Writer::create_i64(&path, &[2, 3]).unwrap();
        // Two columns, then the third.
        for (start, values) in [(0, &[0, -1][..]), (3, &[1 << 40, 4]), (2, &[2]), (5, &[5])] {
            writer.seek(start).unwrap();
            writer.write_i64(values).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!((Array::open(&path).unwrap().dtype(), i64s(&path)), (Dtype::I64, vec![0, -1, 2, 1 << 40, 4, 5]), "{path}");
    }
    let path = files.path("b.npy");
    let mut writer = Writer::create(&path, &[2]).unwrap();
    writer.seek(1).unwrap();
    writer.write(&[1.0]).unwrap();
    assert_message(writer.finish(), &["1 elements written, its shape has 2"]);
}

#[test]
fn nothing_is_left_unless_finished() {
    let files = Files::new();
    let path = files.put("a.npy", b"old");
    let mut writer = Writer::create(&path, &[3]).unwrap();
    writer.write(&[1.0, 2.0]).unwrap();
    assert_eq!(files.names().len(), 2);
    drop(writer);
    assert_eq!(files.names(), ["a.npy"]);

    let mut writer = Writer::create(&path, &[3]).unwrap();
    writer.write(&[1.0, 2.0]).unwrap();
    let parts = ["a.npy: 4 elements written, its shape has 3"];
    assert_message(writer.write(&[3.0, 4.0]), &parts);
    assert_message(writer.finish(), &["2 elements written, its shape has 3"]);
    assert_eq!(files.names(), ["a.npy"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[test]
fn a_file_has_one_target_under_all_its_names() {
    let files = Files::new();
    let target = |path: &str| Writer::create(&files.path(path), &[1]).unwrap().target().to_owned();
    fs::create_dir(files.path("d")).unwrap();
    assert_eq!(target("a.npy"), target("d/../a.npy"));
    assert_eq!(target("a.safetensors:x"), target("./a.safetensors:y"));
    files.put("a.npy", b"old");
    assert_eq!(target("a.npy"), target("d/../a.npy"));
    assert_ne!(target("a.npy"), target("b.npy"));
}

#[test]
fn an_array_may_be_replaced_while_it_is_read() {
    let files = Files::new();
    let path = files.put("a.npy", &plain_npy("<f4", "(2,)", &[0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]));
    let array = Array::open(&path).unwrap();
    let mut writer = Writer::create(&path, &[2]).unwrap();
    for index in 0..2 {
        let value = array.window_f32(index, 1).unwrap()[0];
        writer.write(&[10.0 * value]).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(array.window_f32(0, 2).unwrap()[..], [1.0, 2.0]);
    assert_eq!(f32s(&path), [10.0, 20.0]);
}

#[test]
fn other_tensors_are_not_lost() {
    let files = Files::new();
    let tensor = |name| format!(r#""{name}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#);
    let header = format!("{{{},{}}}", tensor("a"), tensor("b"));
    let path = files.put("a.safetensors", &safetensors(&header, &[]));
    for path in [&path, &format!("{path}:a")] {
        let result = Writer::create(path, &[0]);
        assert_message(result, &["a.safetensors: the file holds 2 tensors"]);
    }
    assert_eq!(files.names(), ["a.safetensors"]);
}

#[test]
fn a_write_that_failed_midway_is_not_finished() {
    let files = Files::new();
    let path = files.path("a.npy");
    let mut writer = Writer::create(&path, &[1]).unwrap();
    // What a full disk leaves of an element before the caller tries again.
    std::io::Write::write_all(&mut writer.temporary, &[0; 2]).unwrap();
    writer.write(&[1.0]).unwrap();
    assert_message(writer.finish(), &["expected 132 bytes", "found 134"]);
    assert!(files.names().is_empty());
}

#[cfg(unix)]
#[test]
fn links_and_permissions_are_the_usual_ones() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let files = Files::new();
    let real = files.put("real.npy", b"old");
    let link = files.path("link.npy");
    symlink("real.npy", &link).unwrap();
    let writer = Writer::create(&link, &[0]).unwrap();
    writer.finish().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(f32s(&real).is_empty());
    let fresh = files.put("fresh", b"");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&real), mode(&fresh));
}

#[test]
fn targets_are_refused_with_their_path() {
    let files = Files::new();
    let create = |path: &str| Writer::create(path, &[1]);
    assert_message(create(&files.path("a.txt")), &["a.txt: unknown format"]);
    let missing = files.path("none");
    assert_message(create(&format!("{missing}/a.npy")), &[&format!("a.npy: directory {missing} does not exist")]);
    let file = files.put("file", b"");
    assert_message(create(&format!("{file}/a.npy")), &["directory", "does not exist"]);
    fs::create_dir(files.path("d.npy")).unwrap();
    assert_message(create(&files.path("d.npy")), &["d.npy: not a regular file"]);
    let reserved = files.path("a.safetensors:__metadata__");
    assert_message(create(&reserved), &["__metadata__ is reserved"]);
    let path = files.path("a.npy");
    for shape in [&[usize::MAX, 2][..], &[0, usize::MAX], &[1; 65]] {
        assert_message(Writer::create(&path, shape), &["a.npy: malformed"]);
    }
    assert_eq!(files.names(), ["d.npy", "file"]);

    let old = files.put("old.npy", b"old");
    let mut permissions = fs::metadata(&old).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&old, permissions).unwrap();
    assert_message(create(&old), &["old.npy: the file is read-only"]);
    assert_eq!(fs::read(&old).unwrap(), b"old");
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_takes_no_files_is_named() {
    // Refuses new files even to the superuser.
    let result = Writer::create("/proc/self/a.npy", &[1]);
    assert_message(result, &["/proc/self/a.npy: cannot create a file beside it"]);
}
