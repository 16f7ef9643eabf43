"""The demo's own material: pictures it draws itself, and a small backbone pretrained on other drawn pictures.

``figures`` says what is drawn, ``painting`` paints it, ``drawing`` writes a Pascal VOC dataset; none of them imports
TensorFlow. ``pretraining`` makes the committed ``backbone.tar.gz`` from the pictures of ``classification_set``, whose
shapes and backgrounds are never those of the demo.
"""
