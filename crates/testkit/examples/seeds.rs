//! Writes the seeds of the fuzz targets: `cargo run -p testkit --example seeds -- fuzz/corpus`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "fuzz/corpus".to_owned()));
    for (target, _) in testkit::oracles::ALL {
        let corpus = folder.join(target);
        std::fs::create_dir_all(&corpus)?;
        for (number, seed) in testkit::seeds::of(target).iter().enumerate() {
            std::fs::write(corpus.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
