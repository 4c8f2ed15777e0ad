import './globals.js'
import './islands.js'
import './calls.js'
import './keys.js'

// What a click on any page's chrome does: bound once, so that exchanged parts need nothing of their own.
addEventListener('click', event => {
  const opener = event.target.closest('[data-open]')
  if (opener) document.getElementById(opener.dataset.open).showModal()
  if (event.target.closest('[data-theme-switch]')) switchTheme()
  if (event.target.matches('dialog')) event.target.close()
  event.target.closest('.palette a')?.closest('dialog').close()
})

function switchTheme() {
  const root = document.documentElement
  const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  root.dataset.theme = localStorage.theme = isDark ? 'light' : 'dark'
}

const zone = document.querySelector('[data-timezone]')
if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

// A form that takes its time says so, and can't be sent twice.
addEventListener('submit', event => {
  const { busy } = event.target.dataset
  const button = event.target.querySelector('button')
  if (busy && button) { button.textContent = busy; button.setAttribute('aria-busy', 'true') }
})

// A consent is for one number: another one has to be agreed to anew.
addEventListener('input', ({ target }) => {
  if (!target.matches('[data-consent]')) return
  const { consents, consented_to: before } = target.form.elements
  consents.checked = false
  before.value = ''
})

// What a form was refused for is where the cursor goes.
addEventListener('htmx:after:swap', () => {
  const form = document.querySelector('form[data-error]:not([data-error=""])')
  form?.elements[form.dataset.error]?.focus()
})
