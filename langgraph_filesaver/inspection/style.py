"""How records look: one style sheet, for pieces in a notebook and for the report, light and dark.

Everything hangs on the class `lgfs`, so that a notebook's own style stays as it is. Colours are variables; the contrast of text is at
least 4.5 to 1 in both schemes (WCAG 2.2, 1.4.3), and no meaning is carried by colour alone.
"""

from __future__ import annotations

__all__ = ["STYLE"]

_DARK = (
    "--ink:#e6e8ec;--soft:#a3abb8;--line:#343a46;--paper:#14171c;--raised:#1c2027;--accent:#8ab4ff;"
    "--running:#7cb7ff;--interrupted:#f2c14e;--failed:#ff9a8f;--pending:#c3a6ff;--done:#7fd49b;--unknown:#a3abb8;"
    "--add:#7fd49b;--add-paper:#16291d;--gone:#ff9a8f;--gone-paper:#321c1b;--human:#1f3357;--ai:#232833;--tool:#2a2440"
)

STYLE = f"""
.lgfs{{--ink:#1d2129;--soft:#5b6472;--line:#dde1e7;--paper:#fff;--raised:#f6f7f9;--accent:#1a56c4;
--running:#1456b8;--interrupted:#7a5200;--failed:#b3261e;--pending:#6a3fb5;--done:#17693a;--unknown:#5b6472;
--add:#17693a;--add-paper:#e7f6ec;--gone:#b3261e;--gone-paper:#fdeceb;--human:#dfe9fb;--ai:#f1f2f5;--tool:#eee8f9;
color:var(--ink);background:var(--paper);font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
padding:12px;border-radius:8px;overflow-wrap:anywhere;text-align:left}}
@media (prefers-color-scheme:dark){{body:not([data-jp-theme-light]) .lgfs{{{_DARK}}}}}
body[data-jp-theme-light="false"] .lgfs{{{_DARK}}}
.lgfs *{{box-sizing:border-box}}
.lgfs .wide{{overflow-x:auto;max-width:100%}}
.lgfs table{{border-collapse:collapse;width:100%;font-size:13px;margin:0;color:inherit}}
.lgfs th{{text-align:left;font-weight:600;color:var(--soft);border-bottom:1px solid var(--line);padding:6px 10px;white-space:nowrap}}
.lgfs td{{text-align:left;vertical-align:top;border-bottom:1px solid var(--line);padding:7px 10px;background:none}}
.lgfs tr:last-child td{{border-bottom:0}}
.lgfs th.n{{text-align:right}}
.lgfs td.n{{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}}
.lgfs .badge{{display:inline-block;padding:1px 9px;border:1px solid currentColor;border-radius:99px;font-size:12px;font-weight:600;white-space:nowrap}}
.lgfs .soft{{color:var(--soft)}}
.lgfs .small{{font-size:12px}}
.lgfs code,.lgfs pre{{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:none;color:inherit}}
.lgfs pre{{white-space:pre-wrap;margin:4px 0;padding:8px 10px;background:var(--raised);border-radius:6px;max-height:480px;overflow:auto}}
.lgfs details{{margin:2px 0}}
.lgfs summary{{cursor:pointer;padding:2px 4px;border-radius:4px}}
.lgfs summary:focus-visible,.lgfs button:focus-visible,.lgfs input:focus-visible{{outline:2px solid var(--accent);outline-offset:1px}}
.lgfs .inside{{margin:2px 0 6px 8px;padding-left:12px;border-left:2px solid var(--line)}}
.lgfs .channel{{margin:14px 0 0}}
.lgfs .channel>h4{{margin:0 0 4px;font:600 13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--ink)}}
.lgfs .facts{{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;margin:0 0 6px}}
.lgfs .facts b{{font-weight:600}}
.lgfs .note{{margin:8px 0;padding:8px 12px;border-left:3px solid currentColor;background:var(--raised);border-radius:0 6px 6px 0}}
.lgfs .step{{border:1px solid var(--line);border-radius:8px;margin:8px 0;padding:4px 8px}}
.lgfs .step>summary{{display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline;padding:5px 6px;list-style:none}}
.lgfs .step>summary::before{{content:"▸";color:var(--soft)}}
.lgfs .step[open]>summary::before{{content:"▾"}}
.lgfs .step>summary::-webkit-details-marker{{display:none}}
.lgfs .chat{{display:flex;flex-direction:column;gap:8px;margin:6px 0}}
.lgfs .message{{max-width:88%;padding:7px 12px;border-radius:12px;background:var(--ai);align-self:flex-start}}
.lgfs .message.human{{background:var(--human);align-self:flex-end}}
.lgfs .message.tool{{background:var(--tool)}}
.lgfs .message.system{{background:none;border:1px dashed var(--line);max-width:100%}}
.lgfs .message>.role{{font-size:11px;font-weight:600;color:var(--soft);margin-bottom:1px}}
.lgfs .text{{white-space:pre-wrap}}
.lgfs img{{max-width:100%;max-height:320px;border-radius:6px;display:block;margin:4px 0}}
.lgfs .add{{color:var(--add);background:var(--add-paper)}}
.lgfs .gone{{color:var(--gone);background:var(--gone-paper)}}
.lgfs .change{{display:block;padding:1px 8px;border-radius:4px;margin:1px 0;white-space:pre-wrap}}
.lgfs .change::before{{content:attr(data-sign);display:inline-block;width:1.2em;font-weight:700}}
.lgfs ul.tree{{list-style:none;margin:0;padding:0}}
.lgfs ul.tree ul.tree{{margin-left:10px;padding-left:14px;border-left:2px solid var(--line)}}
.lgfs ul.tree li{{margin:3px 0}}
.lgfs td:nth-child(4),.lgfs td:nth-child(5){{min-width:7em}}
""" + "".join(
    f".lgfs .badge.{status}{{color:var(--{status})}}"
    for status in ("running", "interrupted", "failed", "pending", "done", "unknown")
)
