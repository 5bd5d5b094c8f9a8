//! Line drawings on a grid of 24. They decorate: the words beside them, or a control's name, say the same.

use leptos::prelude::*;

/// A drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    Microphone,
    MicrophoneOff,
    Hand,
    Crown,
    Gear,
    Link,
    Door,
    StepDown,
    Seat,
    Dots,
    Close,
    Warning,
    Info,
    Ear,
    Lock,
    Key,
    Hidden,
    Chat,
    Bin,
}

impl Glyph {
    /// The strokes, as an SVG path.
    const fn path(self) -> &'static str {
        match self {
            Self::Microphone => {
                "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3Z M5.5 11a6.5 6.5 0 0 0 13 0 M12 17.5V21 M8.5 21h7"
            }
            Self::MicrophoneOff => {
                "M4 4l16 16 M15 10V6a3 3 0 0 0-5.6-1.5 M9 9v2a3 3 0 0 0 4.4 2.6 M5.5 11a6.5 6.5 0 0 0 10.4 5.2 M18.3 12.6c.1-.5.2-1 .2-1.6 \
                 M12 17.5V21 M8.5 21h7"
            }
            Self::Hand => {
                "M8 12.5V6a1.5 1.5 0 0 1 3 0v5 M11 11V4.5a1.5 1.5 0 0 1 3 0V11 M14 11V6a1.5 1.5 0 0 1 3 0v8.5a6.5 6.5 0 0 1-12.2 3.1L3.6 \
                 15a1.6 1.6 0 0 1 2.7-1.7L8 15.5"
            }
            Self::Crown => "M4 18h16 M4 15 3 7l5 3.5L12 5l4 5.5L21 7l-1 8Z",
            Self::Gear => {
                "M4 7h9 M17 7h3 M15 4.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4Z M4 17h3 M11 17h9 M9 14.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 \
                 1 0-4.4Z"
            }
            Self::Link => {
                "M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3 M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7L12 17.7"
            }
            Self::Door => "M14 4H6v16h8 M11 12h9.5 M17 8.5 20.5 12 17 15.5",
            Self::StepDown => "M12 4v11 M7.5 11 12 15.5 16.5 11 M5 20h14",
            Self::Seat => "M12 15V4 M7.5 8.5 12 4l4.5 4.5 M5 20h14",
            Self::Dots => {
                "M6 11.4a.6.6 0 1 1 0 1.2.6.6 0 0 1 0-1.2Z M12 11.4a.6.6 0 1 1 0 1.2.6.6 0 0 1 0-1.2Z M18 11.4a.6.6 0 1 1 0 1.2.6.6 0 0 1 0-1.2Z"
            }
            Self::Close => "M6 6l12 12 M18 6 6 18",
            Self::Warning => "M12 4 2.8 19.5h18.4Z M12 10v4.5 M12 17h.01",
            Self::Info => "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Z M12 11v5.5 M12 7.7h.01",
            Self::Lock => "M6 11h12v9H6Z M8.5 11V8a3.5 3.5 0 0 1 7 0v3",
            Self::Key => "M8 11a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z M11 12.2 19.5 4 M16 7.4l2.6 2.6",
            Self::Hidden => {
                "M4 4l16 16 M9.5 5.4A9.6 9.6 0 0 1 12 5c5 0 8.3 4 9.5 7a13 13 0 0 1-3 4.2 M6.3 7.2A12.7 12.7 0 0 0 2.5 12c1.2 3 4.5 7 9.5 7 \
                 1.5 0 2.9-.4 4.1-1 M10 10.2a2.7 2.7 0 0 0 3.8 3.8"
            }
            Self::Chat => "M4 5h16v11H10l-4.5 4v-4H4Z M8 9.5h8 M8 12.5h5",
            Self::Bin => "M5 7h14 M9.5 7V4.5h5V7 M7 7l.8 12.5h8.4L17 7 M10.3 10.5v5.5 M13.7 10.5v5.5",
            Self::Ear => "M4 13a8 8 0 0 1 16 0 M4 13v4a2 2 0 0 0 2 2h1v-6H4Z M20 13v4a2 2 0 0 1-2 2h-1v-6h3Z",
        }
    }
}

/// Draws it in the colour of the text around.
#[component]
pub(crate) fn Icon(
    /// What to draw.
    #[prop(into)]
    glyph: Signal<Glyph>,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=move || glyph.get().path() />
        </svg>
    }
}
