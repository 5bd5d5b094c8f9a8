//! Which sound devices there are. Browsers tell their names only once a person has let the page use a microphone.

use dais_client::edge::get;
use js_sys::{Array, Reflect};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AudioContext, MediaDeviceInfo, MediaDeviceKind, MediaDevices, window};

/// Devices of one kind that are listed; nobody looks through more.
const DEVICES_MAX: usize = 50;

/// What wireless headsets are called: the way they are connected, which some browsers add, and names of their makers'.
const BLUETOOTH: [&str; 8] =
    ["bluetooth", "hands-free", "handsfree", "airpods", "earbuds", "galaxy buds", "pixel buds", "freebuds"];

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    /// The browser's number for it, on this site alone.
    pub(crate) id: String,
    /// Its name.
    pub(crate) label: String,
}

impl Device {
    /// As kept between visits: the id, and on a second line the name.
    pub(crate) fn to_text(&self) -> String {
        format!("{}\n{}", self.id, self.label)
    }

    /// Reads [`Device::to_text`].
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (id, label) = text.split_once('\n')?;
        (!id.is_empty()).then(|| Self { id: id.into(), label: label.into() })
    }

    /// Whether it seems to be a wireless headset, by its name.
    pub(crate) fn looks_wireless(&self) -> bool {
        let label = self.label.to_lowercase();
        BLUETOOTH.iter().any(|name| label.contains(name))
    }
}

/// The devices that can be chosen: none while the browser does not tell their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeviceList {
    /// Microphones.
    pub(crate) inputs: Vec<Device>,
    /// Loudspeakers and headphones.
    pub(crate) outputs: Vec<Device>,
}

/// Asks the browser.
pub(crate) async fn list() -> DeviceList {
    let Some(asked) = media_devices().and_then(|devices| devices.enumerate_devices().ok()) else {
        return DeviceList::default();
    };
    let found: Array = JsFuture::from(asked).await.ok().and_then(|found| found.dyn_into().ok()).unwrap_or_default();
    let found: Vec<MediaDeviceInfo> = found.iter().filter_map(|device| device.dyn_into().ok()).collect();
    let of = |kind: MediaDeviceKind| {
        let real = found.iter().filter(|device| device.kind() == kind && is_one(&device.device_id()));
        real.map(|device| Device { id: device.device_id(), label: device.label() }).take(DEVICES_MAX).collect()
    };
    DeviceList { inputs: of(MediaDeviceKind::Audioinput), outputs: of(MediaDeviceKind::Audiooutput) }
}

/// Chromium lists whatever the system prefers a second time, under a name of its role.
fn is_one(id: &str) -> bool {
    !matches!(id, "" | "default" | "communications")
}

/// Calls `tell` whenever a device comes or goes, as long as the page lives.
pub(crate) fn watch(tell: impl FnMut() + 'static) {
    let Some(devices) = media_devices() else { return };
    let on_change = Closure::<dyn FnMut()>::new(tell);
    devices.set_ondevicechange(Some(on_change.as_ref().unchecked_ref()));
    on_change.forget();
}

/// Whether this browser lets a page choose where its sound goes.
pub(crate) fn can_choose_output() -> bool {
    let Some(window) = window() else { return false };
    let prototype = get(&get(&window, "AudioContext"), "prototype");
    prototype.is_object() && Reflect::has(&prototype, &JsValue::from_str("setSinkId")).unwrap_or(false)
}

/// Lets a context's sound out of a device, or of the system's default one.
///
/// # Errors
/// What the browser says where the device is not there, or where it has no choice to give.
pub(crate) async fn choose_output(context: &AudioContext, device: Option<&Device>) -> Result<(), JsValue> {
    let set_sink: js_sys::Function = get(context, "setSinkId").dyn_into()?;
    let id = JsValue::from_str(device.map_or("", |device| &device.id));
    let chosen: js_sys::Promise = set_sink.call1(context, &id)?.dyn_into()?;
    JsFuture::from(chosen).await.map(drop)
}

/// A page that was not loaded securely has none.
fn media_devices() -> Option<MediaDevices> {
    window().filter(|window| window.is_secure_context())?.navigator().media_devices().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(label: &str) -> Device {
        Device { id: "1f".into(), label: label.into() }
    }

    #[test]
    fn wireless_headsets_are_known_by_their_names() {
        for label in ["Headset (Jabra, Bluetooth)", "Lea’s AirPods Pro", "WH-1000XM4 Hands-Free AG Audio"] {
            assert!(device(label).looks_wireless(), "{label}");
        }
        for label in ["Built-in Audio Analog Stereo", "USB Headset", ""] {
            assert!(!device(label).looks_wireless(), "{label}");
        }
    }

    #[test]
    fn a_chosen_device_is_kept_with_its_name() {
        let chosen = device("Desk microphone");
        assert_eq!(Device::from_text(&chosen.to_text()), Some(chosen));
        assert_eq!(Device::from_text("\nnobody"), None);
        assert_eq!(Device::from_text(""), None);
    }
}
