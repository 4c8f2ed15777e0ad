// The call that rings: shown in every tab, answered in one, which then speaks.
let answeredHere
let sound

const PAUSE = 2600 // milliseconds from one ring to the next

// Browsers let a page sound only after somebody has clicked in it; until then the ring is silent and seen.
function ring() {
  sound ??= new AudioContext()
  if (sound.state !== 'running') return void sound.resume().catch(() => undefined)
  for (const start of [0, 0.5]) {
    const at = sound.currentTime + start
    const loudness = sound.createGain()
    loudness.gain.setValueAtTime(0, at)
    loudness.gain.linearRampToValueAtTime(0.12, at + 0.03)
    loudness.gain.linearRampToValueAtTime(0, at + 0.38)
    loudness.connect(sound.destination)
    for (const pitch of [440, 480]) {
      const tone = new OscillatorNode(sound, { frequency: pitch })
      tone.connect(loudness)
      tone.start(at)
      tone.stop(at + 0.4)
    }
  }
}

customElements.define('x-call', class extends HTMLElement {
  connectedCallback() {
    this.listen = ({ detail }) => { if (detail.some(each => each === '*' || each === 'calls')) this.refresh() }
    addEventListener('live', this.listen)
    this.refresh()
  }

  disconnectedCallback() { removeEventListener('live', this.listen) }

  refresh() { return htmx.ajax('GET', '/console/calls/ringing', { target: '#call', swap: 'innerMorph' }) }
})

customElements.define('x-ringing', class extends HTMLElement {
  connectedCallback() { ring(); this.ringing = setInterval(ring, PAUSE); document.title = `☎ ${document.title}` }
  disconnectedCallback() { clearInterval(this.ringing); document.title = document.title.replace('☎ ', '') }
})

customElements.define('x-talk', class extends HTMLElement {
  connectedCallback() {
    const audio = this.querySelector('audio')
    this.querySelector('[data-repeat]').addEventListener('click', () => { audio.currentTime = 0; audio.play() })
    if (answeredHere === this.dataset.call) audio.play().catch(() => undefined)
  }
})

addEventListener('click', event => {
  const { act, call } = event.target.closest('[data-act]')?.dataset ?? {}
  if (act === 'answer') answeredHere = call
  if (event.target.closest('[data-sound]')) { sound ??= new AudioContext(); sound.resume().then(ring) }
}, true)
