// Runs in the page: so many turns come in for the live list; how often does the list change, and in how many frames?
([sids, messages]) => new Promise((done) => {
  const list = document.querySelector("main ol");
  let frames = 0, changes = 0, index = 0;
  const changed = {childList: true, subtree: true, characterData: true};
  new MutationObserver(() => changes++).observe(list, changed);
  const isThere = () => list.innerText.includes(`words ${messages - 1}`);
  requestAnimationFrame(function frame() {
    frames += 1;
    if (index === messages && isThere()) done({frames, changes, rows: list.children.length});
    else requestAnimationFrame(frame);
  });
  // Each in a task of its own and spread over time, as a socket delivers them; timers would come in bundles.
  const socket = new MessageChannel();
  socket.port1.onmessage = () => {
    line.onmessage({data: JSON.stringify({type: "transcript.update", call_sid: sids[index % sids.length],
      role: "user", text: `words ${index}`, index, start_ms: 0, end_ms: 1})});
    index += 1;
    for (const until = performance.now() + 0.5; performance.now() < until;);
    if (index < messages) socket.port2.postMessage(null);
  };
  socket.port2.postMessage(null);
})
