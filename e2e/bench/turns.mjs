// One who speaks and one who listens, through Dais and through the browser's own WebRTC: what they say goes turn by turn.

import { Person } from '../harness/person.mjs';
import { call } from './call.mjs';

// A host who speaks and a listener; `speaks` turns the microphone on and off. `browsers` names one for each.
export const daisTurns = async (browsers, url, { processing = true } = {}) => {
  const host = await Person.arrive(browsers.speaker, 'Hanna', { tapped: false });
  const link = await host.createsRoom(url, { title: 'Mouth to ear', id: 'ear' });
  if (!processing) await host.setsProcessing(false);
  const listener = await Person.arrive(browsers.listener, 'Leo', { tapped: false });
  await listener.joins(link);
  await host.region('Audience').getByRole('listitem', { name: 'Leo', exact: true }).waitFor();
  const speaks = async (on) => {
    await host.button(on ? 'Unmute' : 'Mute').click();
    await host.button(on ? 'Mute' : 'Unmute').waitFor();
  };
  return { speaks, listener };
};

// The same by a call.
export const webrtcTurns = async (browsers, url, options) => {
  const open = async (browser) => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${url}/healthz`);
    return page;
  };
  return call(await open(browsers.speaker), await open(browsers.listener), options);
};
