//! Writes what Rocket writes about its launch and about requests.

use rocket::http::Status;
use rocket::local::blocking::Client;
use rocket::{get, post, routes};

#[get("/hello/<name>?<n>")]
fn hello(name: &str, n: Option<u8>) -> String {
    format!("{name} {n:?}")
}

#[post("/orders", data = "<text>")]
fn order(text: String) -> Result<String, Status> {
    if text.is_empty() { Err(Status::UnprocessableEntity) } else { Ok(text) }
}

#[get("/fail")]
fn fail() -> Status {
    Status::InternalServerError
}

#[get("/panic")]
fn crash() -> &'static str {
    panic!("kaboom")
}

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    let config = rocket::Config::figment().merge(("cli_colors", how == "colour"));
    let shop = rocket::custom(config).mount("/", routes![hello, order, fail, crash]);
    let client = Client::untracked(shop).unwrap();
    for path in ["/hello/ann?n=3", "/hello/ann?n=x", "/missing", "/fail"] {
        client.get(path).dispatch();
    }
    client.post("/orders").body("one").dispatch();
    client.post("/orders").dispatch();
    if how == "panic" {
        client.get("/panic").dispatch();
    }
}
