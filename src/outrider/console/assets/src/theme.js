// Before anything is painted: light or dark as chosen here, else as the system has it.
if (localStorage.theme) document.documentElement.dataset.theme = localStorage.theme
