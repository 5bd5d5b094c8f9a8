//! Asking the browser for a microphone: which, and what it is to do to the sound.

use dais_client::edge::{exception_name, object};
use dais_engine::MicrophoneFailure;
use js_sys::Object;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MediaDevices, MediaStream, MediaStreamConstraints, MediaStreamTrack, window};

use super::device_list::Device;
use super::{DeviceState, Processing};

/// What a person wants of the microphone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// What the browser is to do to its sound.
    pub(crate) processing: Processing,
    /// Which one. `None` is whatever the system prefers.
    pub(crate) device: Option<Device>,
}

/// An open microphone. Its tracks are stopped by [`stop_tracks`].
pub(crate) struct Given {
    pub(crate) stream: MediaStream,
    /// The one that was wanted and is not there; the system's default was opened in its place.
    pub(crate) missing: Option<Device>,
}

/// Opens it. One that is not there is replaced by the system's default.
///
/// # Errors
/// How it stands with the microphone instead.
pub(crate) async fn open(wish: &Wish) -> Result<Given, DeviceState> {
    let devices = window()
        .filter(|window| window.is_secure_context())
        .and_then(|window| window.navigator().media_devices().ok())
        .ok_or(DeviceState::Insecure)?;
    let first = get_user_media(&devices, wish.processing, wish.device.as_ref()).await;
    match (first, &wish.device) {
        (Ok(stream), _) => Ok(Given { stream, missing: None }),
        (Err(exception), Some(device)) if is_missing(&exception) => {
            let stream = get_user_media(&devices, wish.processing, None).await.map_err(|exception| failure(&exception))?;
            Ok(Given { stream, missing: Some(device.clone()) })
        }
        (Err(exception), _) => Err(failure(&exception)),
    }
}

/// Releases the device.
pub(crate) fn stop_tracks(stream: &MediaStream) {
    for track in stream.get_tracks().iter() {
        if let Ok(track) = track.dyn_into::<MediaStreamTrack>() {
            track.stop();
        }
    }
}

async fn get_user_media(devices: &MediaDevices, processing: Processing, device: Option<&Device>) -> Result<MediaStream, JsValue> {
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&audio(processing, device));
    let asked = devices.get_user_media_with_constraints(&constraints)?;
    JsFuture::from(asked).await?.dyn_into()
}

fn audio(processing: Processing, device: Option<&Device>) -> Object {
    let mut wishes: Vec<(&str, JsValue)> = vec![
        ("echoCancellation", processing.echo_cancellation.into()),
        // Two in a row would take out parts of the voice.
        ("noiseSuppression", (processing.noise_suppression && !processing.strong_suppression).into()),
        ("autoGainControl", processing.gain_control.into()),
        ("channelCount", object(&[("ideal", JsValue::from_f64(1.0))]).into()),
    ];
    if let Some(device) = device {
        wishes.push(("deviceId", object(&[("exact", JsValue::from_str(&device.id))]).into()));
    }
    object(&wishes)
}

fn is_missing(exception: &JsValue) -> bool {
    matches!(exception_name(exception).as_str(), "NotFoundError" | "OverconstrainedError")
}

/// The exceptions of getUserMedia, as the Media Capture and Streams specification names them.
fn failure(exception: &JsValue) -> DeviceState {
    if is_missing(exception) {
        return DeviceState::Failed(MicrophoneFailure::Missing);
    }
    DeviceState::Failed(match exception_name(exception).as_str() {
        "NotAllowedError" | "SecurityError" => MicrophoneFailure::Refused,
        _ => MicrophoneFailure::Lost,
    })
}
