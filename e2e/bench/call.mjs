// The yardstick: the browser's own WebRTC, from one page's microphone to another's loudspeaker.

// Calls from one page to the other, once more each time; the microphone is asked for as Dais does, by default with all of
// the browser's processing. `speaks` turns it on and off.
export const call = async (from, to, { processing = true } = {}) => {
  const offer = await from.evaluate(async (on) => {
    const audio = { echoCancellation: on, noiseSuppression: on, autoGainControl: on, channelCount: { ideal: 1 } };
    window.microphone ??= await navigator.mediaDevices.getUserMedia({ audio });
    const peer = new RTCPeerConnection();
    (window.peers ??= []).push(peer);
    for (const track of window.microphone.getTracks()) peer.addTrack(track, window.microphone);
    await peer.setLocalDescription();
    await new Promise((resolve) => {
      if (peer.iceGatheringState === 'complete') resolve();
      peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve();
    });
    return peer.localDescription.sdp;
  }, processing);
  const answer = await to.evaluate(async (sdp) => {
    // Without a permission the browser hides its addresses behind names that no other machine resolves.
    const permission = await navigator.mediaDevices.getUserMedia({ audio: true });
    const peer = new RTCPeerConnection();
    (window.peers ??= []).push(peer);
    const loudspeaker = new Audio();
    (window.loudspeakers ??= []).push(loudspeaker);
    peer.ontrack = ({ streams }) => {
      loudspeaker.srcObject = streams[0];
      loudspeaker.play();
    };
    await peer.setRemoteDescription({ type: 'offer', sdp });
    await peer.setLocalDescription();
    await new Promise((resolve) => {
      if (peer.iceGatheringState === 'complete') resolve();
      peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve();
    });
    for (const track of permission.getTracks()) track.stop();
    return peer.localDescription.sdp;
  }, offer);
  await from.evaluate((sdp) => window.peers.at(-1).setRemoteDescription({ type: 'answer', sdp }), answer);
  await to.waitForFunction(() => window.peers.at(-1).connectionState === 'connected');
  const speaks = (on) =>
    from.evaluate((enabled) => {
      for (const track of window.microphone.getTracks()) track.enabled = enabled;
    }, on);
  await speaks(false);
  return { speaks };
};
