localStorage.theme&&(document.documentElement.dataset.theme=localStorage.theme);
