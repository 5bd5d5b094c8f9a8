// One person: a browser context of her own, a page, and what reaches her loudspeaker.

import { readFile } from 'node:fs/promises';

const TAP_URL = '/e2e-tap.js';
const tapSource = await readFile(new URL('./tap.js', import.meta.url), 'utf8');

// Runs in the page before its own scripts: whatever is connected to a loudspeaker is connected to a
// tap as well. The path that is measured stays as it is. Chromium's audio thread loads nothing that
// the tests put in the server's place, and Firefox's nothing that the page's policy forbids: so the
// tap's module is offered either way.
const installTap = ({ source, url }) => {
  const blob = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const taps = [];
  const connect = AudioNode.prototype.connect;
  const makeTap = async (context, tap) => {
    await context.audioWorklet.addModule(blob).catch(() => context.audioWorklet.addModule(url));
    const node = new AudioWorkletNode(context, 'e2e-tap', { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => tap.chunks.push(data);
    return node;
  };
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      const { context } = this;
      const tap = { rate: context.sampleRate, chunks: [] };
      taps.push(tap);
      makeTap(context, tap).then((node) => {
        tap.node = node; // A node that nothing holds may be collected.
        connect.call(this, node);
      });
    }
    return connect.call(this, target, ...rest);
  };
  window.e2eTaps = taps;
};

// Counts the microphones that the page asks for, is given, and holds open.
const countMicrophones = () => {
  if (window.MediaDevices === undefined) return; // Not a secure page: a blank one, say.
  const tracks = [];
  let wanted = 0;
  const { getUserMedia } = MediaDevices.prototype;
  MediaDevices.prototype.getUserMedia = async function (...wishes) {
    wanted += 1;
    const stream = await getUserMedia.apply(this, wishes);
    tracks.push(...stream.getAudioTracks());
    return stream;
  };
  window.e2eMicrophones = () => ({
    wanted,
    asked: tracks.length,
    open: tracks.filter((track) => track.readyState === 'live').length,
  });
};

export class Person {
  // Without a tap nothing of the page is touched, its content security policy included. Who was warned of a certificate
  // has accepted it.
  static async arrive(
    browser,
    name,
    { viewport = { width: 1100, height: 800 }, colorScheme = 'light', tapped = true, warned = false } = {},
  ) {
    // A page under its own policy would not load the tap.
    const context = await browser.newContext({ viewport, colorScheme, bypassCSP: tapped, ignoreHTTPSErrors: warned });
    // A profile that somebody uses comes with a tab.
    const page = context.pages()[0] ?? (await context.newPage());
    const person = new Person(name, context, page);
    if (tapped) {
      await context.route(`**${TAP_URL}`, (route) => route.fulfill({ contentType: 'text/javascript', body: tapSource }));
      await page.addInitScript(installTap, { source: tapSource, url: TAP_URL });
    }
    await page.addInitScript(countMicrophones);
    // Firefox holds the tap, and only the tap, against the page's policy.
    const complain = (text) => {
      if (!(tapped && text.includes('blob:'))) person.complaints.push(text);
    };
    page.on('console', (message) => {
      if (message.type() === 'error') complain(message.text());
    });
    page.on('pageerror', (error) => complain(String(error)));
    return person;
  }

  constructor(name, context, page) {
    this.name = name;
    this.context = context;
    this.page = page;
    // Errors on the browser's console, uncaught ones included.
    this.complaints = [];
  }

  // Waits until the page holds so many microphones open.
  async holdsMicrophones(count) {
    await this.page.waitForFunction((wanted) => window.e2eMicrophones().open === wanted, count);
  }

  // How often the page has asked for a microphone so far, whether or not it was given one.
  async microphonesWanted() {
    return this.page.evaluate(() => window.e2eMicrophones().wanted);
  }

  // How often the page has been given a microphone so far.
  async microphonesAsked() {
    return this.page.evaluate(() => window.e2eMicrophones().asked);
  }

  // Waits until the page has been given one so often: a click asks for it, and it comes some moments later.
  async hasBeenGivenMicrophones(count) {
    await this.page.waitForFunction((expected) => window.e2eMicrophones().asked === expected, count);
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  region(name) {
    return this.page.getByRole('region', { name, exact: true });
  }

  tile(name) {
    return this.region('Stage').getByRole('listitem', { name, exact: true });
  }

  // Somebody in the audience, on stage or in the hand queue.
  listed(region, name) {
    return this.region(region).getByRole('listitem', { name, exact: true });
  }

  dialog(name) {
    return this.page.getByRole('dialog', { name });
  }

  // Chooses from the menu on a person.
  async acts(name, action) {
    await this.button(`Actions for ${name}`).first().click();
    await this.page.getByRole('menuitem', { name: action, exact: true }).click();
  }

  // What the menu on a person offers at the moment.
  async offers(name) {
    await this.button(`Actions for ${name}`).first().click();
    const items = this.page.getByRole('menuitem');
    await items.first().waitFor();
    const names = await items.allInnerTexts();
    await this.page.keyboard.press('Escape');
    return names.map((text) => text.trim());
  }

  // Chooses from the room's menu.
  async manages(action) {
    await this.button('Room menu').click();
    await this.page.getByRole('menuitem', { name: action, exact: true }).click();
  }

  // Presses a button of the open dialog.
  async confirms(action) {
    await this.page.getByRole('dialog').getByRole('button', { name: action, exact: true }).click();
  }

  // Waits until the live region has said something.
  async isTold(text) {
    await this.page.getByText(text).first().waitFor();
  }

  async createsRoom(url, { title, id, open = false, unlisted = false, passcode }) {
    await this.page.goto(url);
    await this.page.getByLabel('Your name', { exact: true }).fill(this.name);
    await this.page.getByLabel('Room title', { exact: true }).fill(title);
    if (open) await this.page.getByRole('radio', { name: /open/i }).check();
    if (id) await this.page.locator('#room-id').fill(id);
    if (unlisted) await this.page.getByRole('switch', { name: 'Unlisted', exact: true }).click();
    if (passcode) await this.page.getByLabel('Passcode', { exact: true }).fill(passcode);
    await this.button('Create room').click();
    await this.tile(this.name).waitFor();
    return this.page.url();
  }

  async joins(link, { passcode } = {}) {
    await this.asksToJoin(link, { passcode });
    await this.region('Stage').waitFor();
  }

  // Presses *Join*, whatever comes of it.
  async asksToJoin(link, { passcode } = {}) {
    await this.page.goto(link);
    await this.page.getByLabel('Your name', { exact: true }).fill(this.name);
    if (passcode) await this.page.getByLabel('Passcode', { exact: true }).fill(passcode);
    await this.button('Join').click();
  }

  // Another tab of the same browser profile.
  async opensTab() {
    return new Person(this.name, this.context, await this.context.newPage());
  }

  // The three switches that decide what the browser does to the microphone's sound.
  async setsProcessing(on) {
    await this.button('Settings').click();
    for (const name of ['Echo cancellation', 'Noise suppression', 'Gain control']) {
      const toggle = this.page.getByRole('switch', { name, exact: true });
      if ((await toggle.getAttribute('aria-checked')) !== String(on)) await toggle.click();
    }
    await this.page.keyboard.press('Escape');
  }

  // What reached the loudspeaker since the last call: `seconds` of it, without a gap.
  async hears(seconds) {
    await this.page.evaluate(() => {
      for (const tap of window.e2eTaps) tap.chunks.length = 0;
    });
    await this.page.waitForFunction(
      (wanted) => window.e2eTaps.some((tap) => tap.chunks.length * 4096 >= wanted * tap.rate),
      seconds,
      { timeout: (seconds + 15) * 1000, polling: 250 },
    );
    const { rate, bytes, gaps } = await this.page.evaluate((wanted) => {
      const tap = window.e2eTaps.find((each) => each.chunks.length * 4096 >= wanted * each.rate);
      const chunks = tap.chunks.slice(0, Math.ceil((wanted * tap.rate) / 4096));
      const gaps = chunks.filter((chunk, index) => index > 0 && chunk.frame !== chunks[index - 1].frame + 4096).length;
      const samples = new Float32Array(chunks.length * 4096);
      chunks.forEach((chunk, index) => samples.set(chunk.samples, index * 4096));
      let binary = '';
      const view = new Uint8Array(samples.buffer);
      for (let at = 0; at < view.length; at += 32_768) binary += String.fromCharCode(...view.subarray(at, at + 32_768));
      return { rate: tap.rate, bytes: btoa(binary), gaps };
    }, seconds);
    const buffer = Buffer.from(bytes, 'base64');
    const samples = new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length));
    return { rate, samples, gaps };
  }

  // The figures of the quality panel as text.
  async quality() {
    await this.page.locator('.connection-chip').click();
    const panel = this.page.getByRole('dialog');
    await panel.waitFor();
    const text = await panel.innerText();
    await this.page.keyboard.press('Escape');
    return text;
  }

  async leaves() {
    await this.context.close();
  }
}
