//! What the kernel holds for sockets, by netlink's `sock_diag(7)`: the numbers that `ss -m` prints.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};

const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const AF_INET: u8 = 2;
const IPPROTO_TCP: u8 = 6;
const TCP_ESTABLISHED: u32 = 1;
/// An attribute of nine numbers; those that count are what waits to be read and what waits to be sent, overhead included.
const INET_DIAG_SKMEMINFO: u16 = 7;
const RMEM_ALLOC: usize = 0;
const WMEM_QUEUED: usize = 5;
/// Bytes of a message's header, of the fixed part of an answer behind it, and of an attribute's header.
const HEADER: usize = 16;
const ANSWER: usize = 72;
const ATTRIBUTE: usize = 4;

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn port(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// All open TCP sockets of IPv4, with their memory.
fn request() -> Vec<u8> {
    let mut request = Vec::new();
    request.extend_from_slice(&72_u32.to_ne_bytes());
    request.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(&[AF_INET, IPPROTO_TCP, 1 << (INET_DIAG_SKMEMINFO - 1), 0]);
    request.extend_from_slice(&(1_u32 << TCP_ESTABLISHED).to_ne_bytes());
    request.resize(72, 0);
    request
}

/// Bytes of kernel memory that each socket with this port of ours holds, by its other end.
pub(super) fn bytes_by_peer(own_port: u16) -> BTreeMap<SocketAddrV4, u64> {
    let socket = Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, Some(Protocol::from(NETLINK_SOCK_DIAG))).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    socket.send(&request()).unwrap();
    let mut held = BTreeMap::new();
    loop {
        let mut buffer = vec![0; 1 << 16];
        let count = std::io::Read::read(&mut &socket, &mut buffer).unwrap();
        let mut messages = &buffer[..count];
        while messages.len() >= HEADER {
            let (length, kind) = (number(messages, 0) as usize, short(messages, 4));
            match kind {
                NLMSG_DONE => return held,
                NLMSG_ERROR => panic!("the kernel refuses: {messages:?}"),
                _ => {}
            }
            let (message, rest) = messages.split_at(length.next_multiple_of(4).min(messages.len()));
            messages = rest;
            let answer = &message[HEADER..];
            if port(answer, 4) == own_port {
                let peer = Ipv4Addr::new(answer[24], answer[25], answer[26], answer[27]);
                held.insert(SocketAddrV4::new(peer, port(answer, 6)), memory(&answer[ANSWER..]));
            }
        }
    }
}

/// Out of an answer's attributes.
fn memory(mut attributes: &[u8]) -> u64 {
    while attributes.len() >= ATTRIBUTE {
        let (length, kind) = (usize::from(short(attributes, 0)), short(attributes, 2));
        if kind == INET_DIAG_SKMEMINFO {
            let of = |index: usize| u64::from(number(attributes, ATTRIBUTE + 4 * index));
            return of(RMEM_ALLOC) + of(WMEM_QUEUED);
        }
        attributes = &attributes[length.max(ATTRIBUTE).next_multiple_of(4).min(attributes.len())..];
    }
    panic!("asked for its memory, the kernel does not tell it");
}

#[tokio::test]
async fn what_the_kernel_holds_is_told() {
    use tokio::io::AsyncWriteExt;
    let house = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let own = house.local_addr().unwrap();
    let peer = tokio::net::TcpStream::connect(own).await.unwrap();
    let (mut socket, _) = house.accept().await.unwrap();
    let std::net::SocketAddr::V4(other_end) = peer.local_addr().unwrap() else { panic!("IPv4") };
    let of_peer = || bytes_by_peer(own.port())[&other_end];
    assert_eq!(of_peer(), 0);
    let stuffed = tokio::time::timeout(std::time::Duration::from_millis(300), socket.write_all(&vec![0; 64 << 20])).await;
    assert!(stuffed.is_err(), "nobody reads it");
    assert!(of_peer() > 65_536, "{}", of_peer());
}
