//! Tests of the search for cycles, on small crates that each test writes.

use std::path::PathBuf;

use super::*;

/// A crate in a temporary folder, which is removed when this is dropped.
struct Crate(PathBuf);

impl Crate {
    /// A crate with these files; `src/lib.rs` is its root.
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("xtask-tidy-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    /// The cycles, each as its files with a space between.
    fn cycles(&self) -> Vec<String> {
        let cycles = find(&self.0, &[self.0.join("src/lib.rs")]).unwrap();
        cycles.iter().map(|cycle| cycle.files.join(" ")).collect()
    }
}

impl Drop for Crate {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The cycles of a crate whose root has the modules `a` and `b` and the lines of `root`.
fn pair(name: &str, root: &str, a: &str, b: &str) -> Vec<String> {
    let root = format!("mod a;\nmod b;\n{root}");
    Crate::new(name, &[("src/lib.rs", &root), ("src/a.rs", a), ("src/b.rs", b)]).cycles()
}

const NONE: [&str; 0] = [];
const BOTH: [&str; 1] = ["src/a.rs src/b.rs"];

#[test]
fn files_that_import_each_other_are_a_cycle() {
    assert_eq!(pair("two", "", "use crate::b::B; struct A;", "use crate::a::A; struct B;"), BOTH);
    assert_eq!(pair("one-way", "", "use crate::b::B;", "struct B;"), NONE);
}

#[test]
fn a_cycle_names_its_imports() {
    let files = [
        ("src/lib.rs", "mod a;\nmod b;\n"),
        ("src/a.rs", "\nuse crate::b::{B, C};\nstruct A;\n"),
        ("src/b.rs", "fn b(_: crate::a::A) {}\n"),
    ];
    let fixture = Crate::new("imports", &files);
    let cycles = check(&fixture.0, &[fixture.0.join("src/lib.rs")]).unwrap();
    let text = "src/a.rs: 2 files import one another in a cycle:\n    src/a.rs:2 -> src/b.rs: B, C\n    \
                src/b.rs:1 -> src/a.rs: A\n  ; break the cycle";
    assert_eq!(cycles.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
}

#[test]
fn qualified_paths_in_code_count() {
    let types = "fn f(x: super::b::B) {}";
    assert_eq!(pair("types", "", types, "fn g() { crate::a::f(); }"), BOTH);
    assert_eq!(pair("through-import", "", "use crate::b; fn f() { b::g(); }", "use super::a::f;"), BOTH);
    assert_eq!(pair("in-macro", "", "fn f() { println!(\"{}\", crate::b::g()); }", "use super::a::f;"), BOTH);
    assert_eq!(pair("in-rules", "", "macro_rules! m { () => { $crate::b::g() } }", "use super::a::f;"), BOTH);
    assert_eq!(pair("fields", "", "fn f(x: X) { x.b.g(); std::b::g(); }", "use super::a::f;"), NONE);
}

#[test]
fn an_import_inside_a_function_and_a_glob_count() {
    assert_eq!(pair("local", "", "fn f() { use crate::b::g; }", "use super::a::f;"), BOTH);
    assert_eq!(pair("glob", "", "use crate::b::*;", "use super::a::*;"), BOTH);
    assert_eq!(pair("sibling-by-glob", "", "use super::*; fn f() { b::g(); }", "use super::a::f;"), BOTH);
}

#[test]
fn a_macro_by_its_bare_name_is_from_its_file() {
    let root = "#[macro_use]\nmod c;";
    let a = "rule!();";
    let files = [
        ("src/lib.rs", root),
        ("src/c.rs", "macro_rules! rule { () => { crate::c::d::f() } }\nmod d;"),
        ("src/c/d.rs", a),
    ];
    assert_eq!(Crate::new("macro", &files).cycles(), ["src/c.rs src/c/d.rs"]);
}

#[test]
fn a_macro_of_the_same_name_in_another_file_is_no_import() {
    let own = "macro_rules! rule { () => {} }\nrule!();\n";
    assert_eq!(pair("same-name", "", &format!("{own}use crate::b::B;"), own), NONE);
}

#[test]
fn a_reexport_is_an_import_of_the_files_on_both_sides() {
    let root = "pub use a::A;";
    assert_eq!(pair("reexport", root, "use crate::b::B;", "use crate::A;"), ["src/a.rs src/b.rs src/lib.rs"]);
    let exported = "#[macro_export] macro_rules! rule { () => { $crate::b::f() } }";
    assert_eq!(pair("exported", "", exported, "fn f() { crate::rule!(); }"), BOTH);
}

#[test]
fn a_path_that_only_passes_through_a_module_does_not_count_for_it() {
    let files = [
        ("src/lib.rs", "mod a;"),
        ("src/a/mod.rs", "mod b;\nmod c;\npub use b::B;"),
        ("src/a/b.rs", "use super::c::C;"),
        ("src/a/c.rs", "struct C;"),
    ];
    assert_eq!(Crate::new("through", &files).cycles(), NONE);
    let mut with_cycle = files;
    with_cycle[2].1 = "use super::c::C; use super::D;";
    assert_eq!(Crate::new("into", &with_cycle).cycles(), ["src/a/b.rs src/a/mod.rs"]);
}

#[test]
fn an_import_of_a_module_counts_for_what_is_used_through_it() {
    let with = |b: &str| {
        let a = "mod b;\npub mod c;\npub use b::B;";
        let files = [("src/lib.rs", "mod a;"), ("src/a/mod.rs", a), ("src/a/b.rs", b), ("src/a/c.rs", "")];
        Crate::new("module", &files).cycles()
    };
    assert_eq!(with("use crate::a; fn f() { a::c::g(); }"), NONE);
    assert_eq!(with("use crate::a; mod inner { fn f() { super::a::c::g(); } }"), NONE);
    assert_eq!(with("use crate::a;"), ["src/a/b.rs src/a/mod.rs"]);
    assert_eq!(with("pub use crate::a; fn f() { a::c::g(); }"), ["src/a/b.rs src/a/mod.rs"]);
}

#[test]
fn a_declaration_alone_is_no_import() {
    assert_eq!(pair("declared", "", "use crate::Root;", "use super::Root;"), NONE);
}

#[test]
fn modules_inside_a_file_are_that_file() {
    let a = "mod inner { use crate::b::B; }\nmod other { use super::inner::X; }";
    assert_eq!(pair("inline", "", a, "use crate::a::inner::X;"), BOTH);
    assert_eq!(pair("inline-alone", "", a, ""), NONE);
}

#[test]
fn a_file_may_be_named_by_an_attribute() {
    let files = [
        ("src/lib.rs", "#[path = \"elsewhere/x.rs\"]\nmod a;\nmod b;"),
        ("src/elsewhere/x.rs", "use crate::b::B;"),
        ("src/b.rs", "use crate::a::A;"),
    ];
    assert_eq!(Crate::new("path", &files).cycles(), ["src/b.rs src/elsewhere/x.rs"]);
}

#[test]
fn imports_of_unit_tests_do_not_count() {
    let tests =
        "struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }\n#[cfg(all(test, unix))] use crate::a::A;";
    assert_eq!(pair("tests", "", "use crate::b::B;", tests), NONE);
    let variant = "enum B { #[cfg(test)] C(crate::a::A) }";
    assert_eq!(pair("test-variant", "", "use crate::b::B;", variant), NONE);
    assert_eq!(pair("variant", "", "use crate::b::B;", "enum B { C(crate::a::A) }"), BOTH);
    assert_eq!(pair("not-tests", "", "use crate::b::B;", "#[cfg(not(test))] use crate::a::A;"), BOTH);
}
