// Reads the session out of the page on which the sign-in ends.
const found = document.getElementById("outrider-session");
if (found) chrome.runtime.sendMessage(JSON.parse(found.textContent));
