"""What speech adds to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.console.modality import Modality, Options
from rhapsode.errors import UserError
from rhapsode.modalities.speech.cli.speak import speak

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.console.contents import Contents, Found
    from rhapsode.data.codecs.codec import Codec
    from rhapsode.export._target import Order
    from rhapsode.serving.endpoint import Endpoint


class SpeechModality(Modality):
    name, noun, verb = "speech", "speech", "speak"
    task = "text-to-speech"
    views = {"speak": "modalities/speech/studio/speak.js"}

    def commands(self) -> Mapping[str, Callable[..., None]]:
        return {"speak": speak}

    def demo(self) -> tuple[str, Callable[..., None]]:
        from rhapsode.modalities.speech.cli.demo import speech

        return "speech", speech

    def training(self) -> Options:
        return {
            "language": Annotated[
                str | None,
                typer.Option(metavar="NAME", help="The spoken language: en-gb, de, fr-CH, german [default: en-us]."),
            ],
            "speaker": Annotated[
                str | None, typer.Option(metavar="NAME", help="Train on this one of several speakers [default: all].")
            ],
        }

    def codec_options(self, given: dict[str, Any], codec: type[Codec]) -> dict[str, Any]:
        from rhapsode.modalities.speech import espeak

        return {name: espeak.named(value) if name == "language" else value for name, value in given.items()}

    def inspecting(self) -> Options:
        return {
            "language": Annotated[
                str | None, typer.Option(metavar="NAME", help="The spoken language, as for train [default: en-us].")
            ],
            "textgrids": Annotated[
                str | None,
                typer.Option(
                    metavar="FOLDER", help="Write the times of all phones there, a TextGrid for each recording."
                ),
            ],
        }

    def contents(self, found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents | None:
        from rhapsode.modalities.speech.cli.recordings import contents

        return contents(found, given.get("language"), given.get("textgrids"), overwrite)

    def beside(self, path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
        if "utterances" not in info:
            return None
        return {"kind": "training index", "utterances": len(info["utterances"])}

    def figures(self, quality: Mapping[str, Any]) -> Sequence[str]:
        from rhapsode.modalities.speech.voice_quality import said

        return [said(quality)]

    def endpoint(self) -> Endpoint[Any, Any]:
        from rhapsode.modalities.speech.serving import ENDPOINT

        return ENDPOINT

    def page(self, order: Order) -> bytes:
        raise UserError(
            "a voice cannot be a page: its text becomes phones by espeak-ng or by a dictionary, and its frames become "
            "sound by a vocoder of numpy, and neither runs in a browser yet. Speak into a file instead: rhapsode speak "
            "MODEL TEXT -o speech.wav. Or export its networks as .onnx."
        )
