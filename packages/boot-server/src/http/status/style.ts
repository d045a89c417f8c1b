/** Colors have a contrast of at least 4.5 to 1 for text in both schemes. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f3f5f8; --card: #ffffff; --sunken: #f3f5f8; --line: #d9dfe8; --track: #dfe5ee;
  --text: #18202c; --muted: #556174; --link: #1a56b8; --focus: #1a56b8; --warn: #8a4b00; --warn-back: #fff4e0;
  --red: #a01b1b; --red-back: #fde7e6; --orange: #8a3f00; --orange-back: #ffeddb;
  --blue: #174ea6; --blue-back: #e2ecff; --violet: #5a2ea6; --violet-back: #efe8ff;
  --teal: #0a5a63; --teal-back: #daf2f4; --green: #1b6029; --green-back: #e0f4e3;
  --gray: #465164; --gray-back: #e8ecf2;
  --shadow: 0 1px 2px rgb(20 30 50 / 6%), 0 2px 8px rgb(20 30 50 / 4%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10141a; --card: #181e27; --sunken: #11161d; --line: #2b3441; --track: #2f3947;
    --text: #e5eaf1; --muted: #9ba8b9; --link: #8ab8ff; --focus: #8ab8ff; --warn: #f6c67a; --warn-back: #35270f;
    --red: #ffb0ab; --red-back: #4a1d1e; --orange: #ffbf8a; --orange-back: #45290f;
    --blue: #a6c8ff; --blue-back: #173058; --violet: #ccb6ff; --violet-back: #33235c;
    --teal: #8fdde6; --teal-back: #103b41; --green: #9bdca7; --green-back: #163a1f;
    --gray: #b9c4d2; --gray-back: #2a333f;
    --shadow: none;
  }
}
[data-condition="failed"] { --hue: var(--red); --back: var(--red-back); }
[data-condition="refused"], [data-condition="interrupted"], [data-condition="expired"] { --hue: var(--orange); --back: var(--orange-back); }
[data-condition="installing"] { --hue: var(--blue); --back: var(--blue-back); }
[data-condition="booting"] { --hue: var(--violet); --back: var(--violet-back); }
[data-condition="armed"] { --hue: var(--teal); --back: var(--teal-back); }
[data-condition="installed"] { --hue: var(--green); --back: var(--green-back); }
[data-condition="unknown"] { --hue: var(--gray); --back: var(--gray-back); }

* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; padding: 0 1rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
body > header, main, footer { max-width: 76rem; margin-inline: auto; }
h1, h2, h3, p, ul, ol, dl, dd, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
a { color: var(--link); }
code, pre, .mono { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .92em; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
[hidden] { display: none !important; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.muted { color: var(--muted); font-weight: normal; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .4rem .8rem; background: var(--card); z-index: 1; }
.skip:focus { top: .5rem; }

body > header { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; padding: 1.5rem 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; letter-spacing: -.01em; flex: 1 1 auto; }
#connection { display: flex; align-items: center; gap: .5rem; color: var(--muted); font-size: .9rem; }
#connection::before { content: ""; flex: none; width: .6rem; height: .6rem; border-radius: 50%; border: 2px solid var(--muted); }
#connection[data-state="live"]::before { border-color: var(--green); background: var(--green); }
#connection[data-state="lost"] { color: var(--warn); background: var(--warn-back); padding: .2rem .7rem; border-radius: 1rem; }
#connection[data-state="lost"]::before { border-color: var(--warn); border-style: dashed; }
body > header noscript { flex-basis: 100%; color: var(--muted); }
#summary { flex-basis: 100%; display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1rem; margin-top: .5rem; }
.counts { display: flex; flex-wrap: wrap; gap: .4rem; font-size: .9rem; }
.counts li { padding: .15rem .7rem; border-radius: 1rem; }
.counts b { font-variant-numeric: tabular-nums; }
.counts .total { padding-left: 0; }
.count { background: var(--back); color: var(--hue); }
.count.attention { --hue: var(--warn); --back: var(--warn-back); font-weight: 600; box-shadow: inset 0 0 0 1px currentcolor; }
.uptime { color: var(--muted); font-size: .9rem; }

#machines { display: grid; gap: .75rem; }
#machines:focus { outline: none; }
.machine {
  position: relative; display: grid; grid-template-columns: minmax(13rem, 1fr) minmax(0, 2fr) 9rem; gap: .5rem 1.5rem;
  grid-template-areas: "identity activity state";
  padding: .9rem 1.1rem .8rem 1.35rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  box-shadow: var(--shadow); overflow: clip;
}
.machine::before { content: ""; position: absolute; inset: 0 auto 0 0; width: 4px; background: var(--hue); }
.identity { grid-area: identity; min-width: 0; }
.activity { grid-area: activity; min-width: 0; display: grid; gap: .3rem; align-content: start; }
.state { grid-area: state; text-align: end; }
.advice, .more { grid-column: 1 / -1; }
.more { min-width: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; }
.more details { min-width: 0; }
.more details[open] { flex-basis: 100%; }

h2.mono { user-select: all; }
h2 { font-size: 1.1rem; line-height: 1.4; font-weight: 650; }
.facts { display: flex; flex-wrap: wrap; gap: 0 .8rem; color: var(--muted); font-size: .9rem; }
.badge { display: inline-flex; align-items: center; gap: .4rem; padding: .1rem .65rem; border-radius: 1rem; background: var(--back); color: var(--hue); font-weight: 600; font-size: .9rem; }
.badge::before { content: ""; width: .5rem; height: .5rem; border-radius: 50%; background: currentcolor; }
[data-condition="installing"] .badge::before, [data-condition="booting"] .badge::before { animation: pulse 1.6s ease-in-out infinite; }
@keyframes pulse { 50% { opacity: .25; } }
.seen { color: var(--muted); font-size: .9rem; margin-top: .15rem; }
.stage { display: flex; flex-wrap: wrap; gap: 0 .7rem; }
.activity > p:not(.stage, .message, .copyable) { color: var(--muted); font-size: .93rem; }

.progress { display: flex; align-items: center; gap: .7rem; }
.figures { flex: none; min-width: 3rem; color: var(--muted); font-size: .85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
progress { -webkit-appearance: none; appearance: none; flex: 1; min-width: 0; width: 100%; height: .5rem; border: 0; border-radius: .25rem; overflow: hidden; background: var(--track); color: var(--hue); }
progress::-webkit-progress-bar { background: var(--track); }
progress::-webkit-progress-value { background: var(--hue); border-radius: .25rem; transition: inline-size .4s ease-out; }
progress::-moz-progress-bar { background: var(--hue); border-radius: .25rem; }
.downloads { display: grid; gap: .15rem; font-size: .93rem; }
.downloads li { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .7rem; align-items: center; }
.downloads .figures { min-width: 9rem; }

.advice { background: var(--warn-back); color: var(--warn); border-radius: 6px; padding: .5rem .8rem; display: grid; gap: .3rem; }
.advice li { display: flex; gap: .6rem; }
.advice li::before { content: "!"; flex: none; width: 1.15rem; height: 1.15rem; margin-top: .18rem; border-radius: 50%; background: var(--warn); color: var(--warn-back); font: 700 .8rem/1.15rem system-ui, sans-serif; text-align: center; }

.copyable { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; }
.copyable code { padding: .15rem .5rem; background: var(--sunken); border: 1px solid var(--line); border-radius: 6px; user-select: all; }
button { display: none; font: inherit; font-size: .85rem; padding: .15rem .7rem; color: var(--link); background: none; border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
.live button { display: inline-block; }
button:hover { border-color: currentcolor; }
button.done::before { content: "\\2713\\00a0"; }

summary { width: fit-content; padding: .1rem .3rem; margin-left: -.3rem; border-radius: 4px; color: var(--link); cursor: pointer; font-size: .93rem; }
details[open] > summary { margin-bottom: .4rem; }
.scroll { max-height: 13.5rem; overflow: auto; background: var(--sunken); border: 1px solid var(--line); border-radius: 6px; padding: .5rem .7rem; }
pre { font-size: .85rem; line-height: 1.5; white-space: pre; overflow-wrap: normal; unicode-bidi: plaintext; text-align: left; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); gap: 1rem 1.5rem; padding-bottom: .3rem; }
.details { --hue: var(--gray); }
.columns section { min-width: 0; }
h3 { font-size: .9rem; font-weight: 600; margin-bottom: .35rem; color: var(--muted); }
dl { display: grid; gap: .15rem; font-size: .93rem; }
dl div { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: .7rem; }
dt { color: var(--muted); }
.timeline { font-size: .93rem; }
.timeline li { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .8rem; }
.timeline time { color: var(--muted); font-variant-numeric: tabular-nums; }

#empty { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.5rem 1.75rem; box-shadow: var(--shadow); }
#empty ol { display: grid; gap: .6rem; margin-top: .8rem; max-width: 44rem; counter-reset: step; }
#empty li { position: relative; padding-left: 1.9rem; counter-increment: step; }
#empty li::before { content: counter(step) "."; position: absolute; left: 0; color: var(--muted); font-variant-numeric: tabular-nums; }
footer { padding: 1.5rem 0 2rem; color: var(--muted); font-size: .9rem; }

@media (max-width: 52rem) {
  .machine { grid-template-columns: minmax(0, 1fr) auto; grid-template-areas: "identity state" "activity activity"; padding: .8rem .9rem .7rem 1.15rem; }
  .downloads .figures { min-width: 0; }
}
@media (max-width: 32rem) {
  body { padding: 0 .6rem; }
  .machine { grid-template-columns: minmax(0, 1fr); grid-template-areas: "state" "identity" "activity"; }
  .state { text-align: start; display: flex; justify-content: space-between; align-items: baseline; }
  .downloads li { grid-template-columns: 6.3rem minmax(0, 1fr); }
}
@media (prefers-reduced-motion: reduce) {
  *, *::before { animation: none !important; transition: none !important; }
  progress::-webkit-progress-value { transition: none; }
}
@media (forced-colors: active) {
  .badge { border: 1px solid; }
  progress { forced-color-adjust: none; }
}
`;
