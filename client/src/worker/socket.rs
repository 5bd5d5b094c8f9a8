//! One WebSocket and its handlers, which go away with it: a socket given up says nothing more.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

/// What a socket tells.
pub(crate) enum SocketEvent {
    /// It is open.
    Open,
    /// A binary message.
    Message(Vec<u8>),
    /// It is closed, or never opened.
    Closed(u16),
}

/// An open socket, or one being opened.
pub(crate) struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Starts to open one.
    ///
    /// # Errors
    /// What the browser says where the address is none it will open.
    pub(crate) fn open(url: &str, tell: impl Fn(SocketEvent) + Clone + 'static) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let on_open = Closure::new({
            let tell = tell.clone();
            move || tell(SocketEvent::Open)
        });
        let on_message = Closure::new({
            let tell = tell.clone();
            move |event: MessageEvent| {
                // Text is no part of the protocol: as an empty message it is refused where all else is.
                let bytes = event.data().dyn_into::<ArrayBuffer>().map(|buffer| Uint8Array::new(&buffer).to_vec());
                tell(SocketEvent::Message(bytes.unwrap_or_default()));
            }
        });
        let on_close = Closure::new(move |event: CloseEvent| tell(SocketEvent::Closed(event.code())));
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }

    /// Hands a message to the browser. One for a socket that is closing is lost, as it would be on the way.
    pub(crate) fn send(&self, message: &[u8]) {
        if self.socket.ready_state() == WebSocket::OPEN {
            let _ = self.socket.send_with_u8_array(message);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}
