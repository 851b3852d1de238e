//! Ends in the way named by the first argument.

use anyhow::Context;

fn inner(n: usize) -> i32 {
    [1, 2, 3][n]
}

fn load() -> anyhow::Result<()> {
    std::fs::read("/does/not/exist").context("read configuration").context("start server")?;
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let how = std::env::args().nth(1).unwrap_or_default();
    match how.as_str() {
        "index" => println!("{}", inner(std::env::args().count() + 5)),
        "multiline" => panic!("first line\nsecond line"),
        "named-thread" => {
            let worker = std::thread::Builder::new().name("worker-1".into()).spawn(|| println!("{}", inner(7)));
            let _ = worker?.join();
        }
        "unwrap" => load().unwrap(),
        "assert" => assert_eq!(1 + 1, 3, "arithmetic is broken"),
        "error" => load()?,
        other => {
            eprintln!("unknown crash {other:?}");
            std::process::exit(2);
        }
    }
    Ok(())
}
