//! The microphone test: a few seconds are recorded and played back on the audio thread, and go nowhere else. The device
//! is released before they are played.

use std::cell::{Cell, RefCell};
use std::rc::Weak;

use dais_client::edge::{get, get_number, object};
use dais_engine::MicrophoneFailure;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{AudioContext, AudioWorkletNode, MediaStream, MessageEvent};

use super::device_list::choose_output;
use super::suppressor::{Suppressor, make_node};
use super::user_media::{self, Wish, stop_tracks};
use super::{Device, DeviceState};
use crate::link::{Inner, LinkEvent};

const WORKLET_URL: &str = "/trial.js";
const PROCESSOR: &str = "dais-trial";

/// How a test goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrialEvent {
    /// The browser is being asked for the microphone.
    Opening,
    /// It is open and recorded.
    Recording,
    /// How loud that is, or what is played: 0 (overload) to 127 (silence), as RFC 6464.
    Level(u8),
    /// It is released, and what it gave is played.
    Playing,
    /// All is over, and nothing of it is left.
    Over,
    /// It could not be opened.
    Failed(DeviceState),
}

/// See the module.
pub(crate) struct Trial {
    link: Weak<Inner>,
    /// Counts tests: one that is overtaken by its end releases what it got.
    generation: Cell<u32>,
    running: RefCell<Option<Running>>,
}

/// A test under way. Everything is released when dropped.
struct Running {
    stream: MediaStream,
    context: AudioContext,
    node: AudioWorkletNode,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Trial {
    pub(crate) fn new(link: Weak<Inner>) -> Self {
        Self { link, generation: Cell::new(0), running: RefCell::default() }
    }

    /// Records. Inside a click, since the sound is played back.
    pub(crate) fn start(&self, wish: Wish, output: Option<Device>) {
        let generation = self.begin();
        self.tell(TrialEvent::Opening);
        let link = self.link.clone();
        spawn_local(async move {
            let started = record(&link, &wish, output.as_ref()).await;
            let Some(link) = link.upgrade() else { return };
            let trial = link.trial();
            if trial.generation.get() != generation {
                return; // Over in the meantime: dropping what was opened releases it.
            }
            match started {
                Ok(running) => {
                    *trial.running.borrow_mut() = Some(running);
                    trial.tell(TrialEvent::Recording);
                }
                Err(state) => trial.tell(TrialEvent::Failed(state)),
            }
        });
    }

    /// Releases the device and plays what it gave.
    pub(crate) fn play(&self) {
        if let Some(running) = &*self.running.borrow() {
            stop_tracks(&running.stream);
            if let Ok(port) = running.node.port() {
                let _ = port.post_message(&object(&[("type", "play".into())]));
            }
            self.tell(TrialEvent::Playing);
        }
    }

    /// Ends it, wherever it is.
    pub(crate) fn end(&self) {
        self.begin();
        self.tell(TrialEvent::Over);
    }

    fn begin(&self) -> u32 {
        self.running.borrow_mut().take();
        self.generation.set(self.generation.get().wrapping_add(1));
        self.generation.get()
    }

    fn handle_message(&self, message: &JsValue) {
        match get(message, "type").as_string().as_deref() {
            Some("level") => self.tell(TrialEvent::Level(get_number(message, "dbov") as u8)),
            Some("full") => self.play(),
            Some("unsuppressed") => {
                if let Some(link) = self.link.upgrade() {
                    link.tell(LinkEvent::SuppressorFailed);
                }
            }
            Some("played") => self.end(),
            _ => {}
        }
    }

    fn tell(&self, event: TrialEvent) {
        if let Some(link) = self.link.upgrade() {
            link.tell(LinkEvent::Trial(event));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        stop_tracks(&self.stream);
        if let Ok(port) = self.node.port() {
            port.set_onmessage(None);
        }
        // A context that is closed already has nothing left to release.
        let _ = self.context.close();
    }
}

async fn record(link: &Weak<Inner>, wish: &Wish, output: Option<&Device>) -> Result<Running, DeviceState> {
    let (wish, suppressor) = Suppressor::wanted(link, wish).await;
    let given = user_media::open(&wish).await?;
    let failed = DeviceState::Failed(MicrophoneFailure::Lost);
    let Ok(context) = AudioContext::new() else {
        stop_tracks(&given.stream);
        return Err(failed);
    };
    match connect(link, &context, &given.stream, suppressor.as_ref(), output).await {
        Ok((node, on_message)) => Ok(Running { stream: given.stream, context, node, _on_message: on_message }),
        Err(_) => {
            stop_tracks(&given.stream);
            let _ = context.close();
            Err(failed)
        }
    }
}

type Connected = (AudioWorkletNode, Closure<dyn FnMut(MessageEvent)>);

async fn connect(
    link: &Weak<Inner>,
    context: &AudioContext,
    stream: &MediaStream,
    suppressor: Option<&Suppressor>,
    output: Option<&Device>,
) -> Result<Connected, JsValue> {
    if output.is_some() {
        // One that is not there leaves the system's default.
        let _ = choose_output(context, output).await;
    }
    let node = make_node(context, WORKLET_URL, PROCESSOR, 1, suppressor).await?;
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
        let link = link.clone();
        move |event: MessageEvent| {
            if let Some(link) = link.upgrade() {
                link.trial().handle_message(&event.data());
            }
        }
    });
    node.port()?.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    context.create_media_stream_source(stream)?.connect_with_audio_node(&node)?;
    node.connect_with_audio_node(&context.destination())?;
    let _ = context.resume();
    Ok((node, on_message))
}
