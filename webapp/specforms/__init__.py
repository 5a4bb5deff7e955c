"""Forms made from the engine's declarations: fields, limits, units and help are read, never restated.

What a form holds between two requests is *raw*: the texts of its inputs by name, typed values of unchosen kinds
included. ``raw -> plain tree`` loses nothing that the engine should judge: text that is no number stays text, and the
one door says so at its field.
"""
