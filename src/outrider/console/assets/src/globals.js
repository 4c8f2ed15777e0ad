// Islands start as soon as they are defined, and need htmx by then.
import htmx from 'htmx.org/dist/htmx.esm.min.js'

globalThis.htmx = htmx
