//! The module tree of one crate: its files, and for each module the paths that its code names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::run::Outcome;

/// A crate's modules. The first is its root.
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    pub(super) files: Vec<PathBuf>,
    /// Macros by example. Several files may define one of the same name.
    pub(super) macros: BTreeMap<String, Vec<Defined>>,
}

/// Where a macro is defined.
pub(super) struct Defined {
    pub(super) module: usize,
    /// Whether `#[macro_export]` puts it at the crate's root.
    pub(super) exported: bool,
}

/// A module: a file, or a part of one.
#[derive(Default)]
pub(super) struct Module {
    pub(super) file: usize,
    pub(super) parent: Option<usize>,
    pub(super) children: BTreeMap<String, usize>,
    pub(super) uses: Vec<Use>,
    /// Paths in code, of two segments or more.
    pub(super) paths: Vec<Named>,
    /// Macros that are invoked by their bare name.
    pub(super) invoked: Vec<Named>,
}

/// One leaf of a `use` declaration.
pub(super) struct Use {
    /// What it is called here; nothing for `*`, and `_` for a trait without a name.
    pub(super) name: Option<String>,
    pub(super) public: bool,
    pub(super) path: Named,
}

/// A path as it is written, and its line.
pub(super) struct Named {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

impl Tree {
    /// Reads the crate whose root is `root`.
    pub(super) fn read(root: &Path) -> Outcome<Self> {
        let mut tree = Self {
            modules: vec![Module::default()],
            files: vec![root.to_path_buf()],
            macros: BTreeMap::new(),
        };
        let folder = root.parent().unwrap_or(root).to_path_buf();
        let mut left = vec![Pending { module: 0, folder }];
        while let Some(Pending { module, folder }) = left.pop() {
            let file = &tree.files[tree.modules[module].file];
            let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
            let parsed = syn::parse_file(&text).map_err(|e| {
                format!("{}:{}: cannot be parsed: {e}", file.display(), e.span().start().line)
            })?;
            let here = file.parent().unwrap_or(file).to_path_buf();
            let mut reader = Reader { tree: &mut tree, module, folder, here, left: &mut left };
            if !only_tests(&parsed.attrs) {
                reader.visit_file(&parsed);
            }
        }
        Ok(tree)
    }

    fn add(&mut self, parent: usize, name: &str, file: usize) -> usize {
        let module = self.modules.len();
        self.modules.push(Module { file, parent: Some(parent), ..Module::default() });
        self.modules[parent].children.insert(name.to_owned(), module);
        module
    }
}

/// A module whose file is still to be read, and the folder of its children.
struct Pending {
    module: usize,
    folder: PathBuf,
}

struct Reader<'a> {
    tree: &'a mut Tree,
    module: usize,
    /// Where the files of the present module's children are.
    folder: PathBuf,
    /// Where the file is that is read, to which `#[path]` is relative.
    here: PathBuf,
    left: &'a mut Vec<Pending>,
}

impl Reader<'_> {
    fn module(&mut self) -> &mut Module {
        &mut self.tree.modules[self.module]
    }

    fn declared(&mut self, item: &syn::ItemMod) {
        let name = plain(&item.ident);
        let inside = self.folder.join(&name);
        let path = match path_attribute(&item.attrs) {
            Some(path) => self.here.join(path),
            None if inside.join("mod.rs").is_file() => inside.join("mod.rs"),
            None => self.folder.join(format!("{name}.rs")),
        };
        let is_mod = path.file_name().is_some_and(|file| file == "mod.rs");
        let own = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let folder = match path.file_stem() {
            Some(stem) if !is_mod => own.join(stem),
            _ => own,
        };
        let file = self.tree.files.len();
        self.tree.files.push(path);
        let module = self.tree.add(self.module, &name, file);
        self.left.push(Pending { module, folder });
    }

    fn flatten(&mut self, tree: &syn::UseTree, before: &[String], public: bool) {
        let line = |ident: &syn::Ident| ident.span().start().line;
        let with = |last: &str| before.iter().cloned().chain([last.to_owned()]).collect::<Vec<_>>();
        let (name, segments, line) = match tree {
            syn::UseTree::Path(path) => return self.flatten(&path.tree, &with(&plain(&path.ident)), public),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.flatten(tree, before, public);
                }
                return;
            }
            syn::UseTree::Glob(glob) => (None, before.to_vec(), glob.star_token.spans[0].start().line),
            syn::UseTree::Name(leaf) if leaf.ident == "self" => {
                (before.last().cloned(), before.to_vec(), line(&leaf.ident))
            }
            syn::UseTree::Name(leaf) => {
                (Some(plain(&leaf.ident)), with(&plain(&leaf.ident)), line(&leaf.ident))
            }
            syn::UseTree::Rename(leaf) => {
                let segments = if leaf.ident == "self" { before.to_vec() } else { with(&plain(&leaf.ident)) };
                (Some(plain(&leaf.rename)), segments, line(&leaf.ident))
            }
        };
        self.module().uses.push(Use { name, public, path: Named { segments, line } });
    }

    /// Paths in tokens that are not parsed: the arguments and the definitions of macros.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut line = 0;
        let (mut colons, mut after_dot) = (0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 || segments.is_empty() {
                        self.path_of_tokens(&mut segments, line);
                        line = ident.span().start().line;
                    }
                    if !after_dot && (colons == 0 || colons == 2 && !segments.is_empty()) {
                        segments.push(plain(&ident));
                    }
                    (colons, after_dot) = (0, false);
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Punct(punct) => {
                    self.path_of_tokens(&mut segments, line);
                    (colons, after_dot) = (0, punct.as_char() == '.');
                }
                TokenTree::Group(group) => {
                    self.path_of_tokens(&mut segments, line);
                    (colons, after_dot) = (0, false);
                    self.tokens(group.stream());
                }
                TokenTree::Literal(_) => {
                    self.path_of_tokens(&mut segments, line);
                    (colons, after_dot) = (0, false);
                }
            }
        }
        self.path_of_tokens(&mut segments, line);
    }

    fn path_of_tokens(&mut self, segments: &mut Vec<String>, line: usize) {
        let segments = std::mem::take(segments);
        if segments.len() > 1 {
            self.module().paths.push(Named { segments, line });
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !only_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !only_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !only_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !only_tests(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !only_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let Some((_, items)) = &item.content else {
            return self.declared(item);
        };
        let name = plain(&item.ident);
        let file = self.module().file;
        let module = self.tree.add(self.module, &name, file);
        let outer = (self.module, self.folder.clone());
        (self.module, self.folder) = (module, self.folder.join(&name));
        for item in items {
            self.visit_item(item);
        }
        (self.module, self.folder) = outer;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            self.flatten(&item.tree, &[], !matches!(item.vis, syn::Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let segments = path.segments.iter().map(|segment| plain(&segment.ident)).collect();
            let line = path.segments[0].ident.span().start().line;
            self.module().paths.push(Named { segments, line });
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if let Some(ident) = &item.ident {
            let exported = item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
            let defined = Defined { module: self.module, exported };
            self.tree.macros.entry(plain(ident)).or_default().push(defined);
        }
        visit::visit_item_macro(self, item);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        if let Some(ident) = invocation.path.get_ident() {
            let named = Named { segments: vec![plain(ident)], line: ident.span().start().line };
            self.module().invoked.push(named);
        }
        self.tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }
}

/// An identifier without `r#`.
fn plain(ident: &syn::Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

/// Whether these attributes leave their item out of every build but that of unit tests.
fn only_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.path().is_ident("test") {
            return true;
        }
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Meta>().is_ok_and(|condition| needs_test(&condition))
    })
}

fn needs_test(condition: &syn::Meta) -> bool {
    match condition {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("all") => {
            let all = syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated;
            list.parse_args_with(all).is_ok_and(|all| all.iter().any(needs_test))
        }
        _ => false,
    }
}

fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            path,
            value: syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }),
            ..
        }) if path.is_ident("path") => Some(text.value()),
        _ => None,
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    use syn::Item;
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
