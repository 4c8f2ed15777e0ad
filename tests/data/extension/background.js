// Begins the sign-in as an extension does: the browser has to keep the answer's cookie, so credentials go along.
async function connect(base, provider) {
  const answer = await fetch(`${base}/auth/connect`, {
    method: "POST",
    credentials: "include",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ provider }),
  });
  const begun = await answer.json();
  await chrome.tabs.create({ url: begun.authUrl });
  return begun;
}
self.connect = connect;

chrome.runtime.onMessage.addListener((session) => {
  chrome.storage.local.set({ session });
});
