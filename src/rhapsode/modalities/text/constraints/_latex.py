"""What is known of the commands and environments of LaTeX, for the constraint."""

from __future__ import annotations

from rhapsode.modalities.text.constraints._walk import names

VERBATIM = names("verbatim verbatim* Verbatim lstlisting minted comment filecontents filecontents* alltt")
MATH = names(
    "math displaymath equation equation* align align* gather gather* multline multline* eqnarray eqnarray* "
    "alignat alignat* flalign flalign* dmath dmath*"
)
"""Environments of math that stand in text."""
ONE_CELL = names(
    "math displaymath equation equation* gather gather* multline multline* document proof abstract center quote "
    "quotation itemize enumerate description theorem lemma proposition corollary definition example remark figure "
    "figure* table table* flushleft flushright verse thebibliography titlepage exercise situation"
)
"""Environments in which no & stands."""
OF_TEXT = names(
    "document proof abstract center quote quotation itemize enumerate description theorem lemma proposition "
    "corollary definition example remark figure table thebibliography exercise situation slogan reference"
)
"""Environments that do not stand in math."""
LISTS = names("itemize enumerate description")
TABULAR = names("tabular tabular* tabularx longtable minipage")
LOOSE = names("tikzpicture pgfpicture picture algorithmic algorithm tikzcd asy axis forest")
WITH_ARGUMENT = names("tabular array minipage longtable thebibliography multicols alignat alignat*")
TEXT_ARGUMENT = names(
    "textbf textit textrm textsf texttt textsc textsl textup textmd textnormal emph underline section subsection "
    "subsubsection paragraph subparagraph chapter part footnote caption title author date text mbox hbox makebox "
    "fbox framebox parbox vcenter vbox intertext shortintertext thanks section* subsection* chapter*"
)
"""Commands whose argument is text."""
LABELS = names("label ref eqref pageref cite")
LOOSE_IN_MATH = names("tag hspace vspace color textcolor operatorname begin hyperref")
ADDRESS = names("url path href nolinkurl lstinline")
DEFINING = names("def gdef edef xdef newcommand renewcommand providecommand DeclareMathOperator DeclareRobustCommand")
DEFINING |= names("newenvironment renewenvironment newtheorem newcommand* renewcommand* DeclareMathOperator* let")
NEEDS = dict.fromkeys(TEXT_ARGUMENT | names("label ref eqref cite begin end sqrt mathfrak mathbf mathcal mathrm"), 1)
NEEDS |= dict.fromkeys(names("mathbb mathsf mathit overline underline widehat hat tilde widetilde bar vec dot ddot"), 1)
NEEDS |= dict.fromkeys(names("operatorname overbrace underbrace boldsymbol bibitem input include usepackage"), 1)
NEEDS |= dict.fromkeys(names("documentclass bibliography bibliographystyle"), 1)
NEEDS |= dict.fromkeys(names("frac dfrac tfrac binom stackrel overset underset"), 2)
"""Arguments that must come. The names of sections may also have a star."""
ONE_BODY = frozenset(NEEDS) | names("def gdef edef xdef xymatrix")
ONLY_MATH = names(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho "
    "varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi "
    "Psi Omega mathfrak mathcal mathbf mathbb mathrm mathsf mathit frac dfrac tfrac binom sum prod coprod int "
    "oint bigcup bigcap bigoplus bigotimes bigvee bigwedge in notin ni subset subseteq supset supseteq otimes "
    "oplus times cdot circ bullet wedge vee cap cup setminus leq geq le ge neq ne equiv cong simeq sim approx to "
    "rightarrow leftarrow longrightarrow mapsto longmapsto Rightarrow Leftarrow Leftrightarrow hookrightarrow "
    "xrightarrow xleftarrow infty partial nabla emptyset forall exists ell hbar prime langle rangle lim sup inf "
    "max min det dim ker deg gcd sqrt overline widehat widetilde hat tilde bar vec left right middle limits "
    "nolimits mid not bmod pmod Im Re aleph amalg underbrace overbrace"
)
ONLY_TEXT = names(
    "section subsection subsubsection chapter part paragraph item maketitle tableofcontents par noindent medskip "
    "bigskip smallskip section* subsection* chapter* newpage clearpage bibliography footnote"
)
ALONE = names(
    "maketitle tableofcontents par noindent medskip bigskip smallskip newpage clearpage LaTeX TeX ldots dots S P "
    "quad qquad hfill hline appendix centering today pagebreak linebreak newline small large bf it em rm sc tt"
)
"""Commands that a text may end with."""
CLOSERS = {"(": ")", "[": "]", "\\{": "\\}", "\\langle": "\\rangle", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil"}
