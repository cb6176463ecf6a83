//! An axum server with the instrumentation that axum, tower-http and h2 come with, recorded through LTTng.
//!
//! ```console
//! $ cargo build --example web_server
//! $ rttng record --context vtid -- target/debug/examples/web_server 8080 &
//! $ curl http://localhost:8080/orders/7
//! $ curl --http2-prior-knowledge http://localhost:8080/orders/9
//! $ curl -X POST http://localhost:8080/stop
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::sync::Notify;
use tower_http::trace::TraceLayer;
use tracing::{info, instrument, warn};
use tracing_subscriber::prelude::*;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    tracing_subscriber::registry().with(rttng_ust_tracing::layer()).init();

    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8080);
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    let stop_it = move || async move {
        stop.notify_one();
        "stopping\n"
    };
    let shop = Router::new()
        .route("/orders/{id}", get(order))
        .route("/stop", post(stop_it))
        .layer(TraceLayer::new_for_http());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, shop).with_graceful_shutdown(async move { stopped.notified().await }).await
}

/// A number that is none is turned down by axum, which says so itself.
async fn order(Path(id): Path<u64>) -> Result<String, StatusCode> {
    let price = look_up(id).await.ok_or(StatusCode::NOT_FOUND)?;
    info!(target: "shop", id, price, "order shown");
    Ok(format!("order {id}: {price}\n"))
}

#[instrument(target = "shop")]
async fn look_up(id: u64) -> Option<f64> {
    tokio::time::sleep(Duration::from_millis(2)).await;
    if id > 100 {
        warn!(target: "shop", id, "no such order");
        return None;
    }
    Some(2.5 * id as f64)
}
