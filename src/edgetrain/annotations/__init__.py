"""Labelled pictures in every format that is read or written: Pascal VOC, COCO, YOLO, CVAT, LabelMe and others."""
