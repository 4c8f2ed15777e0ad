// Custom elements: they start and stop with the page's parts, whoever exchanges them.
const elements = {
  // Follows the stream of this browser and passes on what it hears as `live` events.
  'x-stream': class extends HTMLElement {
    connectedCallback() {
      const address = this.getAttribute('src')
      if (!globalThis.SharedWorker) return
      const { port } = new SharedWorker('/console/static/stream.js')
      port.onmessage = ({ data }) => data.topics ? dispatchEvent(new CustomEvent('live', { detail: data.topics })) : this.#show(data.state)
      port.postMessage({ open: address })
      addEventListener('pagehide', () => port.postMessage({ close: true }))
      addEventListener('pageshow', event => event.persisted && port.postMessage({ open: address }))
    }

    #show(state) {
      clearTimeout(this.waiting)
      if (state === 'signed-out') return location.assign('/console/sign-in')
      const chip = document.getElementById('lost')
      if (state !== 'lost') {
        // Whatever changed while nothing was heard is asked for now.
        if (!chip.hidden) dispatchEvent(new CustomEvent('live', { detail: ['*'] }))
        chip.hidden = true
      } else this.waiting = setTimeout(() => { chip.hidden = false }, 2000)
    }
  },

  // Asks for its own part of the page again when one of its topics has changed; at most twice a second.
  'x-live': class extends HTMLElement {
    connectedCallback() {
      const topics = new Set(this.getAttribute('topics').split(' '))
      this.listen = ({ detail }) => { if (detail.some(each => each === '*' || topics.has(each))) this.#refresh() }
      addEventListener('live', this.listen)
    }

    disconnectedCallback() { removeEventListener('live', this.listen); clearTimeout(this.due); this.due = undefined }

    #refresh() {
      this.due ??= setTimeout(async () => {
        const target = `#${this.getAttribute('target')}`
        await htmx.ajax('GET', location.pathname + location.search, { target, select: target, swap: 'outerMorph' })
        this.due = undefined
      }, 500)
    }
  },

  // Senders, sorted by a key each: the choice shows at once and is taken back where it could not be kept.
  'x-sorting': class extends HTMLElement {
    connectedCallback() {
      this.addEventListener('click', event => {
        const button = event.target.closest('[data-category]')
        if (button) this.choose(button.closest('tr'), button.dataset.category)
      })
    }

    async choose(row, category) {
      const buttons = [...row.querySelectorAll('[data-category]')]
      const before = buttons.find(each => each.getAttribute('aria-pressed') === 'true')?.dataset.category ?? 'unassigned'
      const chosen = category === before ? 'unassigned' : category
      const press = value => buttons.forEach(each => each.setAttribute('aria-pressed', String(each.dataset.category === value)))
      press(chosen)
      row.classList.add('sorted')
      const answer = await fetch(row.dataset.path, { method: 'POST', body: new URLSearchParams({ category: chosen }) }).catch(() => undefined)
      if (answer?.ok) return
      press(before)
      tell(`${row.querySelector('b').textContent} could not be sorted${answer ? ` (request ${answer.headers.get('X-Request-ID')})` : ': the server does not answer'}.`)
    }
  },
}

export function tell(message) {
  const toast = document.getElementById('toast')
  toast.textContent = message
  toast.hidden = false
  setTimeout(() => { toast.hidden = true }, 8000)
}

for (const [name, made] of Object.entries(elements)) customElements.define(name, made)
