//! Returns an error of the standard library's from main.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("io") {
        std::fs::read("/does/not/exist")?;
    }
    let n: i32 = "x".parse()?;
    println!("{n}");
    Ok(())
}
