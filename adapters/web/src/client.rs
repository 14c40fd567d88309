//! Where a request comes from: what rate limits count by.

use std::net::IpAddr;

use poem::Request;

/// The address of the client. With `trusted_proxies` of our own in front, it is that many places
/// from the end of `X-Forwarded-For`: what stands before it was written by the client itself.
pub fn client_address(request: &Request, trusted_proxies: usize) -> Option<IpAddr> {
    let peer = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
    if trusted_proxies == 0 {
        return peer;
    }
    let hops = request.headers().get_all("x-forwarded-for");
    let mut hops: Vec<&str> =
        hops.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).collect();
    let hop = hops.len().checked_sub(trusted_proxies).map(|at| hops.swap_remove(at).trim());
    hop.and_then(|hop| hop.parse().ok()).or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(forwarded: &str, trusted: usize) -> Option<String> {
        let request = Request::builder().header("x-forwarded-for", forwarded).finish();
        client_address(&request, trusted).map(|address| address.to_string())
    }

    #[test]
    fn the_client_cannot_choose_its_address() {
        assert_eq!(from("6.6.6.6, 203.0.113.9", 1).as_deref(), Some("203.0.113.9"));
        assert_eq!(from("6.6.6.6, 203.0.113.9, 10.0.0.4", 2).as_deref(), Some("203.0.113.9"));
        assert_eq!(from("6.6.6.6", 0), None);
        assert_eq!(from("6.6.6.6", 2), None);
        assert_eq!(from("2001:db8::1", 1).as_deref(), Some("2001:db8::1"));
    }
}
