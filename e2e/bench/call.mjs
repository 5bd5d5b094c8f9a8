// The yardstick: the browser's own WebRTC, from one page's microphone to another's loudspeaker.

// Calls from one page to the other; the microphone is asked for as Dais does by default. `speaks` turns it on and off.
export const call = async (from, to) => {
  const offer = await from.evaluate(async () => {
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: { ideal: 1 } };
    window.microphone = await navigator.mediaDevices.getUserMedia({ audio });
    window.peer = new RTCPeerConnection();
    for (const track of window.microphone.getTracks()) window.peer.addTrack(track, window.microphone);
    await window.peer.setLocalDescription();
    await new Promise((resolve) => {
      if (window.peer.iceGatheringState === 'complete') resolve();
      window.peer.onicegatheringstatechange = () => window.peer.iceGatheringState === 'complete' && resolve();
    });
    return window.peer.localDescription.sdp;
  });
  const answer = await to.evaluate(async (sdp) => {
    // Without a permission the browser hides its addresses behind names that no other machine resolves.
    window.permission = await navigator.mediaDevices.getUserMedia({ audio: true });
    window.peer = new RTCPeerConnection();
    window.loudspeaker = new Audio();
    window.peer.ontrack = ({ streams }) => {
      window.loudspeaker.srcObject = streams[0];
      window.loudspeaker.play();
    };
    await window.peer.setRemoteDescription({ type: 'offer', sdp });
    await window.peer.setLocalDescription();
    await new Promise((resolve) => {
      if (window.peer.iceGatheringState === 'complete') resolve();
      window.peer.onicegatheringstatechange = () => window.peer.iceGatheringState === 'complete' && resolve();
    });
    for (const track of window.permission.getTracks()) track.stop();
    return window.peer.localDescription.sdp;
  }, offer);
  await from.evaluate((sdp) => window.peer.setRemoteDescription({ type: 'answer', sdp }), answer);
  await to.waitForFunction(() => window.peer.connectionState === 'connected');
  const speaks = (on) =>
    from.evaluate((enabled) => {
      for (const track of window.microphone.getTracks()) track.enabled = enabled;
    }, on);
  await speaks(false);
  return { speaks };
};
