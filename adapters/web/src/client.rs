//! Where a request comes from: what rate limits count by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// The network around an address: a person's own address changes with every other connection, the
/// provider's network seldom. A /16 of IPv4, a /32 of IPv6.
pub(crate) fn neighbourhood(address: IpAddr) -> String {
    const V4_HOST_BITS: u32 = 16;
    const V6_HOST_BITS: u32 = 96;
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let network = address.to_bits() >> V4_HOST_BITS << V4_HOST_BITS;
            format!("{}/16", Ipv4Addr::from_bits(network))
        }
        IpAddr::V6(address) => {
            let network = address.to_bits() >> V6_HOST_BITS << V6_HOST_BITS;
            format!("{}/32", Ipv6Addr::from_bits(network))
        }
    }
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

    #[test]
    fn neighbours_share_a_network_and_strangers_do_not() {
        let network = |text: &str| neighbourhood(text.parse().expect("an address"));
        assert_eq!(network("203.0.113.9"), "203.0.0.0/16");
        assert_eq!(network("::ffff:203.0.200.1"), network("203.0.113.9"));
        assert_ne!(network("203.1.113.9"), network("203.0.113.9"));
        assert_eq!(network("2001:db8:1::1"), network("2001:db8:ffff::2"));
        assert_ne!(network("2001:db9::1"), network("2001:db8::1"));
    }
}
