'use strict';
async function show() {
  const answer = await fetch('api/explore?' + location.hash.slice(1));
  document.getElementById('numbers').textContent = JSON.stringify(await answer.json(), null, 1);
}
addEventListener('hashchange', show);
show();
